# Stands for Postgres's images where no registry gives them.
FROM atelier-drill/forky
RUN apt-get update \
    && apt-get install -y --no-install-recommends postgresql-18 \
    && rm -rf /var/lib/apt/lists/* /var/lib/postgresql/*
ARG PGDATA
ENV PGDATA=$PGDATA PATH=/usr/lib/postgresql/18/bin:$PATH LANG=C.UTF-8
COPY --chmod=755 postgres-entrypoint /usr/local/bin/
ENTRYPOINT ["postgres-entrypoint"]
