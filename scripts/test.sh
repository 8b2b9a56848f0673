#!/usr/bin/env bash
# `make test`: installs what the tests need, starts private PostgreSQL and Redis, runs every test,
# and removes the instances.
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf '\033[1m» %s\033[0m\n' "$*"; }
scripts/install.sh test

dir=$(mktemp -d -t onecard-test.XXXXXX)
trap 'scripts/services.sh down "$dir/services" || true; rm -rf "$dir"' EXIT
chmod 755 "$dir"
say "starting private PostgreSQL and Redis"
exports=$(scripts/services.sh up "$dir/services")
eval "$exports"

say "client: types and unit tests"
scripts/mini-program.sh h5
(cd mini-program && npm run --silent typecheck && npm run --silent test)

say "server and sandbox: building and running the tests (some minutes the first time)"
cargo test --workspace --locked

say "the journey in a browser"
cargo build --locked --bin onecard -p onecard -p sandbox --bins
scripts/journey.sh "$dir"
