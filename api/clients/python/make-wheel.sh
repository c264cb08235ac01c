#!/usr/bin/env bash
# Makes the wheel of the Python package: its own modules, and the generated client as atelier._client.
#
#   make-wheel.sh CLIENT OUT [PYTHON]
#
# CLIENT: what OpenAPI Generator made (api/target/clients/python); OUT: the folder of the wheel. Asks no network: PYTHON
# (default python3) has pip and hatchling.
set -euo pipefail
[ $# -ge 2 ] || { echo "usage: make-wheel.sh CLIENT OUT [PYTHON]" >&2 && exit 2; }
client=$(realpath -- "$1") out=$(realpath -m -- "$2") python=${3:-python3}
[ -d "$client/atelier_client" ] || { echo "There is no generated client in $client." >&2 && exit 1; }
cd -- "$(dirname -- "${BASH_SOURCE[0]}")"

work=$(mktemp -d "${TMPDIR:-/tmp}/atelier-wheel-XXXXXX")
trap 'rm -rf --one-file-system "$work"' EXIT
cp -R pyproject.toml src ../../../{LICENSE,NOTICE} "$work"
cp -R "$client/atelier_client" "$work/src/atelier/_client"
find "$work" -name __pycache__ -prune -exec rm -rf {} +
find "$work/src/atelier/_client" -name '*.py' -exec sed -i 's/\batelier_client\b/atelier._client/g' {} +

mkdir -p "$out"
"$python" -m pip wheel --quiet --disable-pip-version-check --no-input --no-index --no-deps --no-build-isolation \
  --wheel-dir "$out" "$work"
