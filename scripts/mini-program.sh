#!/usr/bin/env bash
# Builds the client for the named targets (h5, weapp, alipay), each only when its sources changed.
set -euo pipefail
cd "$(dirname "$0")/../mini-program"

if [ ! -f node_modules/.package-lock.json ] || [ package-lock.json -nt node_modules/.package-lock.json ]; then
  echo "client: installing packages (about half a minute the first time)" >&2
  # `npm ci` empties the folder that a link points to.
  if [ -L node_modules ]; then rm node_modules; fi
  npm ci --no-audit --no-fund --loglevel=error >&2
  touch node_modules/.package-lock.json
fi

mkdir -p dist
for target in "$@"; do
  stamp="dist/.built-$target"
  if [ -f "$stamp" ] && [ -z "$(find src static index.html .env package-lock.json ./*.ts scripts -newer "$stamp" -type f -print -quit 2>/dev/null)" ]; then
    continue
  fi
  echo "client: building $target" >&2
  npm run --silent "build:$target" >&2
  touch "$stamp"
done
