#!/usr/bin/env bash
# `make bench`: the ratio tables, against a private, durable PostgreSQL on this machine.
#   scripts/bench.sh [TABLE...]   all tables, or those named: postings, callbacks,
#                              charges, checks, pace, canteen, doors; console and verify (ten minutes each)
#                              only if named, verify on a PostgreSQL with stock settings
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/install.sh test
dir=$(mktemp -d -t onecard-bench.XXXXXX)
trap 'scripts/services.sh down "$dir/services" || true; rm -rf "$dir"' EXIT
chmod 755 "$dir"
settings=--durable
if [ "${1:-}" = verify ]; then settings=--stock; fi
exports=$(scripts/services.sh up "$settings" "$dir/services")
eval "$exports"
(cd benches/callback-node && npm ci --no-audit --no-fund --silent)
cargo bench --locked --bench ratios -- "$@"
