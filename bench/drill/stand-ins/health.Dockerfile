# Stands for a service that nothing else asks, where no registry gives its image: it answers the health check alone.
FROM debian:12.11-slim
RUN apt-get update \
    && apt-get install -y --no-install-recommends busybox \
    && rm -rf /var/lib/apt/lists/* \
    && ln -s /bin/busybox /usr/local/bin/wget
ARG PORT FILE
RUN install -D /dev/null "/www/$FILE"
ENV PORT=$PORT
STOPSIGNAL SIGKILL
CMD ["sh", "-c", "exec busybox httpd -f -p $PORT -h /www"]
