#!/usr/bin/env bash
# The journey in headless Chromium against a server and a sandbox of their own:
#   scripts/journey.sh DIR [SCREENSHOT_DIR]
# Then `verify`, which must be clean.
set -euo pipefail
cd "$(dirname "$0")/.."
dir=${1:?a folder for data} shots=${2:-${1}/shots}
bin=${ONECARD_BIN:-${CARGO_TARGET_DIR:-target}/debug}
free_port() { node -e 'const s=require("net").createServer().listen(0,"127.0.0.1",()=>{console.log(s.address().port);s.close()})'; }

server=$(free_port) metrics=$(free_port) sandbox=$(free_port)
mkdir -p "$dir" "$shots"
"$bin/onecard-sandbox" init --dir "$dir/sandbox" >/dev/null
node scripts/compose-config.mjs "$dir" "$server" "$metrics" "http://127.0.0.1:$sandbox"
onecard() { "$bin/onecard" --config "$dir/onecard.toml" "$@"; }
onecard migrate >/dev/null
onecard school import schools >/dev/null
onecard roster import --school ynart schools/demo/ynart-roster.csv >/dev/null
scripts/register-tills.sh "$bin/onecard" "$dir/onecard.toml" "$dir/sandbox" ynart >/dev/null

# Two members of staff: one asks for refunds, the other approves them.
staff() { # LOGIN STAFF_NO ROLE: the login as JSON, with the secret that is printed
  local secret
  secret=$(onecard staff add --school ynart --login "$1" --staff-no "$2" --role "$3" \
    <<<"correct horse $2" | awk '$1 == "secret" { print $2 }')
  echo "{\"login\":\"$1\",\"password\":\"correct horse $2\",\"printed\":\"$secret\"}"
}
office=$(staff office 9001 card_office)
finance=$(staff finance 9002 finance)
# Those who work in the console.
desks=()
for member in "desk 9011 card_office" "books 9012 finance" "auditor 9013 auditor" "admin 9014 admin"; do
  read -r login number role <<<"$member"
  desks+=("$(staff "$login" "$number" "$role")")
done

"$bin/onecard-sandbox" serve --listen "127.0.0.1:$sandbox" --dir "$dir/sandbox" \
  --server "http://127.0.0.1:$server" >"$dir/sandbox.log" 2>&1 &
pids=($!)
"$bin/onecard" --config "$dir/onecard.toml" serve >"$dir/server.log" 2>&1 &
pids+=($!)
trap 'kill "${pids[@]}" 2>/dev/null || true; wait "${pids[@]}" 2>/dev/null || true' EXIT
scripts/wait-ready.mjs "http://127.0.0.1:$server/readyz" "http://127.0.0.1:$sandbox/"

# The school with the most rules. Its initial password: six digits of the ID number, letters left out.
first=$(sed -n 2p schools/demo/ynart-roster.csv)
id_number=$(cut -d, -f3 <<<"$first" | tr -d 'A-Za-z')
export ONECARD_URL="http://127.0.0.1:$server" E2E_SHOTS="$shots" E2E_STAFF="[$office,$finance]"
export E2E_CONSOLE="[$(IFS=,; echo "${desks[*]}")]"
export E2E_STUDENT_NO=$(cut -d, -f1 <<<"$first") E2E_PASSWORD=${id_number: -6}
(cd mini-program && npm run --silent e2e) || { tail -n 30 "$dir/server.log" "$dir/sandbox.log" >&2; exit 1; }

if grep -qE 'ERROR|"level":"error"' "$dir/server.log"; then
  echo "the server logged errors:" >&2
  grep -E 'ERROR|"level":"error"' "$dir/server.log" >&2
  exit 1
fi
onecard verify
