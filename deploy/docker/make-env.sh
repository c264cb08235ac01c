#!/bin/sh
# Writes .env beside docker-compose.yml with random passwords; never overwrites one.
set -eu
file=$(cd -- "$(dirname -- "$0")/../.." && pwd)/.env
[ ! -e "$file" ] || { echo "$file exists; nothing was changed." >&2; exit 1; }
random() { od -An -N "$1" -tx1 /dev/urandom | tr -d ' \n'; }
umask 077
while IFS= read -r line; do
  case $line in
    ATELIER_BOOTSTRAP_TOKEN=) echo "${line}atl_$(random 24)" ;;
    ATELIER_S3_ACCESS_KEY=) echo "$line$(random 10)" ;;
    [A-Z]*=) echo "$line$(random 24)" ;;
    *) echo "$line" ;;
  esac
done <"$(dirname -- "$file")/.env.example" >"$file"
echo "Wrote $file with random passwords. Keep a copy of it with your backups."
