#!/usr/bin/env bash
# Makes temporal-1.5.1.db.gz, the database of an older dev server with one workflow that waits. Arguments: temporal 1.5.1, a later one.
set -euo pipefail
cd -- "$(dirname -- "${BASH_SOURCE[0]}")"
old=$1 client=$2
folder=$(mktemp -d)
export TEMPORAL_VERSION_CHECK_DISABLED=1 TEMPORAL_ADDRESS=127.0.0.1:17233
"$old" server start-dev --ip 127.0.0.1 --port 17233 --headless --log-level error \
  --db-filename "$folder/temporal.db" --search-attribute AtelierName=Keyword >"$folder/log" 2>&1 &
server=$!
trap 'kill "$server" 2>/dev/null; rm -rf "$folder"' EXIT
until "$client" operator cluster health >/dev/null 2>&1; do sleep 0.2; done
sleep 5 # the search attribute reaches the namespace a moment later
"$client" workflow start --task-queue old --type Waiting --workflow-id written-by-1.5.1 --search-attribute 'AtelierName="old"'
sleep 2
kill "$server"
wait "$server" || true
gzip -9 -n -c "$folder/temporal.db" >temporal-1.5.1.db.gz
ls -l temporal-1.5.1.db.gz
