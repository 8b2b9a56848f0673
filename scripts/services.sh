#!/usr/bin/env bash
# Private, throw-away PostgreSQL and Redis on free ports of 127.0.0.1.
#   eval "$(scripts/services.sh up [--durable|--stock] DIR)"   starts both, prints exports
#   scripts/services.sh down DIR                       stops both and removes DIR
# --durable keeps fsync on, as `make bench` needs it; tests do without, so that the commits that
# the program asks to be synchronous cost a write to the cache alone. --stock leaves every
# setting of PostgreSQL as it comes.
set -euo pipefail

usage() { sed -n '2,7p' "$0" >&2; exit 2; }
free_port() { node -e 'const s=require("net").createServer().listen(0,"127.0.0.1",()=>{console.log(s.address().port);s.close()})'; }
postgres_bin() { find /usr/lib/postgresql -maxdepth 2 -name bin -type d 2>/dev/null | sort -V | tail -n 1; }
# PostgreSQL refuses to run as root.
as_postgres() { if [ "$(id -u)" = 0 ]; then runuser -u postgres -- "$@"; else "$@"; fi; }

up() {
  # Each test has a server or two with their connections.
  local durable=off connections=1000
  local settings
  if [ "${1:-}" = --durable ]; then durable=on connections=200; shift; fi
  settings="-c fsync=$durable -c full_page_writes=$durable -c shared_buffers=256MB"
  if [ "${1:-}" = --stock ]; then settings='' connections=100; shift; fi
  local dir=${1:?a folder} bin redis_port pg_port
  bin=$(postgres_bin)
  [ -n "$bin" ] || { echo "PostgreSQL's server is not installed" >&2; exit 1; }
  mkdir -p "$dir" && chmod 755 "$dir"
  dir=$(cd "$dir" && pwd)
  redis_port=$(free_port)
  redis-server --port "$redis_port" --bind 127.0.0.1 --save '' --appendonly no --dir "$dir" \
    --daemonize yes --pidfile "$dir/redis.pid" --logfile "$dir/redis.log" --maxmemory 256mb >/dev/null
  mkdir -p "$dir/pg" "$dir/socket"
  if [ "$(id -u)" = 0 ]; then chown postgres "$dir/pg" "$dir/socket"; fi
  chmod 700 "$dir/pg"
  (cd "$dir/pg" && as_postgres "$bin/initdb" -D "$dir/pg" -U onecard -A trust -E UTF8 \
    --locale=C.UTF-8 --no-sync >"$dir/initdb.log")
  pg_port=$(free_port)
  (cd "$dir/pg" && as_postgres "$bin/pg_ctl" -D "$dir/pg" -w -s -l "$dir/pg/server.log" start \
    -o "-p $pg_port -k $dir/socket -c listen_addresses=127.0.0.1 -c max_connections=$connections $settings")
  echo "$bin" >"$dir/pg.bin"
  until redis-cli -p "$redis_port" ping >/dev/null 2>&1; do sleep 0.02; done
  echo "export ONECARD_TEST_REDIS=redis://127.0.0.1:$redis_port/0"
  echo "export ONECARD_TEST_PG=postgres://onecard@127.0.0.1:$pg_port/postgres"
  echo "export ONECARD_TEST_PG_BIN=$bin"
  echo "export ONECARD_TEST_REQUIRE_ALL=1"
}

down() {
  local dir=${1:?a folder}
  [ -f "$dir/redis.pid" ] && kill "$(cat "$dir/redis.pid")" 2>/dev/null || true
  [ -f "$dir/pg.bin" ] && (cd "$dir/pg" && as_postgres "$(cat "$dir/pg.bin")/pg_ctl" -D "$dir/pg" -m immediate -s stop) || true
  rm -rf "$dir"
}

case "${1:-}" in
  up) shift; up "$@" ;;
  down) shift; down "$@" ;;
  *) usage ;;
esac
