#!/usr/bin/env bash
# `make bench`: the ratio table, against a private, durable PostgreSQL on this machine.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/install.sh test
dir=$(mktemp -d -t onecard-bench.XXXXXX)
trap 'scripts/services.sh down "$dir/services" || true; rm -rf "$dir"' EXIT
chmod 755 "$dir"
exports=$(scripts/services.sh up --durable "$dir/services")
eval "$exports"
cargo bench --locked --bench ratios
