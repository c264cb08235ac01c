# Stands for the image of Temporal's tools where no registry gives it.
FROM debian:12.11-slim
RUN useradd --uid 1000 --create-home temporal
COPY --chmod=755 temporal temporal-sql-tool /usr/local/bin/
COPY schema /etc/temporal/schema
USER temporal
