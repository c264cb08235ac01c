# Stands for Maven's image where no registry gives it.
FROM debian:12.11-slim
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates curl maven openjdk-17-jdk-headless unzip \
    && rm -rf /var/lib/apt/lists/*
