# Stands for VersityGW's image where no registry gives it.
FROM debian:12.11-slim
RUN apt-get update \
    && apt-get install -y --no-install-recommends busybox \
    && rm -rf /var/lib/apt/lists/* \
    && ln -s /bin/busybox /usr/local/bin/wget
COPY versitygw /usr/local/bin/
ENTRYPOINT ["versitygw"]
