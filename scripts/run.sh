#!/usr/bin/env bash
# `make run`: builds what changed, starts the server and the sandbox, seeds the demo school, and
# serves until Ctrl-C. Data and throwaway keys live in ./data; remove it to begin afresh.
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf '\033[1m» %s\033[0m\n' "$*"; }
data=data server=8080 metrics=9090 sandbox=8090

scripts/install.sh build
scripts/mini-program.sh h5
say "building the server and the sandbox (several minutes the first time, seconds afterwards)"
cargo build --release --locked --bin onecard -p onecard -p sandbox --bins
bin=${CARGO_TARGET_DIR:-target}/release

mkdir -p "$data"
"$bin/onecard-sandbox" init --dir "$data/sandbox" >/dev/null
node scripts/compose-config.mjs "$data" "$server" "$metrics" "http://127.0.0.1:$sandbox"
onecard() { "$bin/onecard" --config "$data/onecard.toml" "$@"; }

say "preparing the database and the demo school"
onecard migrate >/dev/null
onecard school import schools
onecard roster import --school xnec schools/demo/xnec-roster.csv

pids=()
stop() { trap - EXIT INT TERM; kill "${pids[@]}" 2>/dev/null || true; wait "${pids[@]}" 2>/dev/null || true; }
trap stop EXIT
trap 'exit 0' INT TERM

"$bin/onecard-sandbox" serve --listen "127.0.0.1:$sandbox" --dir "$data/sandbox" >"$data/sandbox.log" 2>&1 &
pids+=($!)
"$bin/onecard" --config "$data/onecard.toml" serve >"$data/server.log" 2>&1 &
pids+=($!)
scripts/wait-ready.mjs "http://127.0.0.1:$server/readyz" "http://127.0.0.1:$sandbox/" || {
  echo "the start failed; the last lines of $data/server.log:" >&2
  tail -n 20 "$data/server.log" "$data/sandbox.log" >&2
  exit 1
}

cat <<TEXT

  onecard is running. Ctrl-C stops it.

    student app            http://127.0.0.1:$server/
    API, browsable         http://127.0.0.1:$server/api/docs
    sandbox control page   http://127.0.0.1:$sandbox/     stands in for WeChat and WeChat Pay
    metrics                http://127.0.0.1:$metrics/metrics

  demo accounts of 咸宁职业技术学院 (xnec), invented:

$(awk -F, 'NR > 1 && NR <= 5 { rule = $3; gsub(/[A-Za-z]/, "", rule); printf "    学号 %s   查询密码 %s   (%s)\n", $1, substr(rule, length(rule) - 5), $2 }' schools/demo/xnec-roster.csv)

  try: open the student app → 微信登录 → choose 林晓雨 → bind 学号 and 查询密码 from above
       → 充值 ¥50 → 确认支付 at the cashier → the balance is on the home page
  then: $bin/onecard --config $data/onecard.toml verify

  logs: $data/server.log, $data/sandbox.log

TEXT
wait -n "${pids[@]}"
echo "one of the two servers ended; see the logs in $data" >&2
exit 1
