# Stands for the image of Temporal's server where no registry gives it.
FROM debian:12.11-slim
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates netcat-openbsd \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 1000 temporal
COPY --chmod=755 temporal-server /usr/local/bin/
COPY temporal-entrypoint /etc/temporal/entrypoint.sh
WORKDIR /etc/temporal
USER temporal
CMD ["bash", "/etc/temporal/entrypoint.sh"]
