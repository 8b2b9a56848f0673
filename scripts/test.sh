#!/usr/bin/env bash
# `make test`: installs what the tests need, starts private PostgreSQL and Redis, runs every test,
# removes the instances, and says how long each part took.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/parts.sh

# Databases of tests are created and dropped by the hundred, which file systems on disk are slow at:
# they live in memory where 2 GiB of it are free.
space=${TMPDIR:-/tmp}
free_memory() { df --output=avail -k /dev/shm | tail -n 1; }
if [ -w /dev/shm ] && [ "$(free_memory)" -ge 2097152 ]; then space=/dev/shm; fi
dir=$(mktemp -d -p "$space" onecard-test.XXXXXX)
chmod 755 "$dir"
end() {
  scripts/services.sh down "$dir/services" || true
  rm -rf "$dir"
  report
}
trap end EXIT

services() { exports=$(scripts/services.sh up "$dir/services"); eval "$exports"; }

client() {
  npm --prefix mini-program run --silent typecheck
  npm --prefix mini-program run --silent test | tee "$dir/client.log"
  result=$(sed 's/\x1b\[[0-9;]*m//g' "$dir/client.log" | awk '$1 == "Tests" { print $2, $3 }')
}

build() {
  cargo build --workspace --bins --locked
  cargo test --workspace --locked --no-run
}

# Most tests wait for a database more than they compute. Each has HTTP clients, which read all root
# certificates of the machine: one is enough here.
server() {
  local root
  root=$(find /etc/ssl/certs -name '*.pem' -print -quit)
  if [ -n "$root" ]; then export SSL_CERT_FILE=$root; fi
  TMPDIR=$space RUST_TEST_THREADS=${RUST_TEST_THREADS:-$((2 * $(nproc)))} \
    cargo test --workspace --locked --no-fail-fast 2>&1 | tee "$dir/tests.log"
  result=$(awk '/^test result: ok/ { passed += $4 } END { print passed, "passed" }' "$dir/tests.log")
}

# Beside the server's, since each alone leaves a core idle half of the time.
client_parts() {
  part "client: building it for the browser" scripts/mini-program.sh h5
  part "client: types and unit tests" client
  until [ -e "$dir/built" ]; do sleep 1; done
  part "client: held against the OpenAPI document" scripts/check-api.sh
  part "the journey in a browser" scripts/journey.sh "$dir"
}

part "installing what the tests need" scripts/install.sh test
part "starting private PostgreSQL and Redis" services
beside "client" "$dir/client.out" client_parts
part "server and sandbox: building (some minutes the first time)" build
touch "$dir/built"
part "server and sandbox: tests" server
part "waiting for the client's tests" joined
