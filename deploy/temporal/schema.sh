#!/bin/sh
# Makes Temporal's two databases and brings their tables to the version of this image.
set -eu

sql_tool() {
  temporal-sql-tool --plugin "$DB" --ep "$POSTGRES_SEEDS" -p "$DB_PORT" -u "$POSTGRES_USER" "$@"
}

for database in temporal temporal_visibility; do
  schema=${database#temporal_}
  sql_tool --db "$database" create # leaves one that exists alone
  sql_tool --db "$database" setup-schema -v 0.0
  sql_tool --db "$database" update-schema \
    -d "/etc/temporal/schema/postgresql/v12/$schema/versioned"
done
