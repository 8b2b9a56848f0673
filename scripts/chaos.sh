#!/usr/bin/env bash
# `make chaos`: the long runs of the fault and property tests, with counts and seeds printed.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/install.sh test
dir=$(mktemp -d -t onecard-chaos.XXXXXX)
trap 'scripts/services.sh down "$dir/services" || true; rm -rf "$dir"' EXIT
chmod 755 "$dir"
exports=$(scripts/services.sh up "$dir/services")
eval "$exports"
# Where nobody is killed at a write point, which only an unoptimised build has, it runs optimised.
export ONECARD_LONG=1
cargo test --profile quick --locked --test integration -- --nocapture ledger:: storm:: reconciliation::whole reconciliation::kinds
cargo test --locked --test integration -- --nocapture --skip storm:: \
  codes:: journey_money:: passcode:: spend::
