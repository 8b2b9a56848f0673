#!/usr/bin/env bash
# Installs the Debian packages that are missing:
#   scripts/install.sh build   a C compiler, for the crates that build C
#   scripts/install.sh test    also PostgreSQL, Redis, Chromium and fonts
set -euo pipefail

as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }

missing=()
need() { command -v "$1" >/dev/null 2>&1 || missing+=("${@:2}"); }

need cc build-essential
if [ "${1:-build}" = test ]; then
  need redis-server redis-server
  [ -n "$(find /usr/lib/postgresql -maxdepth 3 -name initdb 2>/dev/null)" ] || missing+=(postgresql)
  need chromium chromium
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
