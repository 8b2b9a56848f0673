#!/usr/bin/env bash
# Checks what the client sends and reads against the OpenAPI document of the server.
# Needs the binary of `cargo build --bin onecard`.
set -euo pipefail
cd "$(dirname "$0")/.."
bin=${ONECARD_BIN:-${CARGO_TARGET_DIR:-target}/debug}

scripts/mini-program.sh
document=$(mktemp -t onecard-openapi.XXXXXX)
trap 'rm -f "$document"' EXIT
"$bin/onecard" openapi >"$document"
cd mini-program
OPENAPI="$document" npm run --silent check:api
