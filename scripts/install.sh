#!/usr/bin/env bash
# Installs the Debian packages that are missing:
#   scripts/install.sh build   a C compiler, for the crates that build C
#   scripts/install.sh test    also PostgreSQL, Redis, Chromium, fonts, and Python with the library that
#                              signs requests in tests/terminals, beside the build
set -euo pipefail

as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }

missing=()
need() { command -v "$1" >/dev/null 2>&1 || missing+=("${@:2}"); }

need cc build-essential
if [ "${1:-build}" = test ]; then
  need redis-server redis-server
  [ -n "$(find /usr/lib/postgresql -maxdepth 3 -name initdb 2>/dev/null)" ] || missing+=(postgresql)
  need chromium chromium
  python3 -c 'import ensurepip, venv' 2>/dev/null || missing+=(python3 python3-venv)
  [ -n "$(find /usr/share/fonts -iname '*notosanscjk*' 2>/dev/null | head -n 1)" ] || missing+=(fonts-noto-cjk)
fi
if [ "${#missing[@]}" -gt 0 ]; then
  echo "installing: ${missing[*]}" >&2
  as_root apt-get update -qq >&2
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >&2
fi
for tool in cargo node npm; do
  command -v "$tool" >/dev/null 2>&1 || { echo "please install $tool (Rust 1.95 or later, Node 20 or later)" >&2; exit 1; }
done

if [ "${1:-build}" = test ]; then
  python="${CARGO_TARGET_DIR:-$(dirname "$0")/../target}/test-python"
  wanted="$(dirname "$0")/../tests/terminals/requirements.txt"
  if ! cmp -s "$wanted" "$python/installed.txt"; then
    echo "installing for the tests: $(head -n 1 "$wanted")" >&2
    python3 -m venv "$python" >&2
    "$python/bin/pip" install --quiet --disable-pip-version-check -r "$wanted" >&2
    cp "$wanted" "$python/installed.txt"
  fi
fi
