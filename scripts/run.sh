#!/usr/bin/env bash
# `make run`: builds what changed, starts the server and the sandbox, seeds the demo schools, and
# serves until Ctrl-C. Data and throwaway keys live in ./data; remove it to begin afresh.
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf '\033[1m» %s\033[0m\n' "$*"; }
data=data server=8080 metrics=9090 sandbox=8090

scripts/install.sh build
scripts/mini-program.sh h5
say "building the server and the sandbox (several minutes the first time, seconds afterwards)"
# As `make test` builds them: whatever is built here is not built again there.
cargo build --workspace --bins --locked
bin=${CARGO_TARGET_DIR:-target}/debug

mkdir -p "$data"
"$bin/onecard-sandbox" init --dir "$data/sandbox" >/dev/null
node scripts/compose-config.mjs "$data" "$server" "$metrics" "http://127.0.0.1:$sandbox"
onecard() { "$bin/onecard" --config "$data/onecard.toml" "$@"; }

say "preparing the database and the demo schools"
onecard migrate >/dev/null
onecard school import schools
for roster in schools/demo/*-roster.csv; do
  school=$(basename "$roster" -roster.csv)
  printf '%-7s ' "$school"
  onecard roster import --school "$school" "$roster"
done
# Before anything else happens: it begins three weeks ago. Once only.
say "three weeks at 云南艺术学院"
"$bin/onecard-demo" "$data/onecard.toml" "$data/sandbox" schools/demo/ynart-roster.csv "$data/paid.json"
for roster in schools/demo/*-roster.csv; do
  scripts/register-tills.sh "$bin/onecard" "$data/onecard.toml" "$data/sandbox" \
    "$(basename "$roster" -roster.csv)" >/dev/null
done

# Members of staff, each with the secret of a second factor, in a file beside the keys.
mkdir -p "$data/staff"
for member in "office 9001 card_office" "finance 9002 finance" "auditor 9003 auditor" \
  "admin 9004 admin" "deputy 9005 admin" "network 9006 network_center" \
  "counsellor 9007 counsellor"; do
  read -r login number role <<<"$member"
  [ -e "$data/staff/$login" ] || onecard staff add --school ynart --login "$login" \
    --staff-no "$number" --role "$role" <<<"first password of $login" >"$data/staff/$login.new"
  [ ! -e "$data/staff/$login.new" ] || mv "$data/staff/$login.new" "$data/staff/$login"
done

onecard staff link-wecom --school ynart --login finance --userid LiNa >/dev/null
# The first two classes of the roster.
mapfile -t classes < <(awk -F, 'NR > 1 && $7 && !seen[$7]++ { print $7; if (++n == 2) exit }' \
  schools/demo/ynart-roster.csv)
onecard staff set-classes --school ynart --login counsellor --class "${classes[@]}" >/dev/null

# What was paid in those weeks: the sandbox itself remembers nothing.
paid=()
[ ! -e "$data/paid.json" ] || paid=(--paid "$data/paid.json")

pids=()
stop() { trap - EXIT INT TERM; kill "${pids[@]}" 2>/dev/null || true; wait "${pids[@]}" 2>/dev/null || true; }
trap stop EXIT
trap 'exit 0' INT TERM

"$bin/onecard-sandbox" serve --listen "127.0.0.1:$sandbox" --dir "$data/sandbox" \
  --server "http://127.0.0.1:$server" "${paid[@]}" >"$data/sandbox.log" 2>&1 &
pids+=($!)
"$bin/onecard" --config "$data/onecard.toml" serve >"$data/server.log" 2>&1 &
pids+=($!)
scripts/wait-ready.mjs "http://127.0.0.1:$server/readyz" "http://127.0.0.1:$sandbox/" || {
  echo "the start failed; the last lines of $data/server.log:" >&2
  tail -n 20 "$data/server.log" "$data/sandbox.log" >&2
  exit 1
}

# The first two people of a school, with the default passwords that its rule gives them.
demo_accounts() {
  local policy
  policy=schools/$(basename "$1" -roster.csv).toml
  awk -F, -v name="$(sed -n 's/^name = "\(.*\)"/\1/p' "$policy")" \
    -v rule="$(sed -n 's/^default = "\(.*\)"/\1/p' "$policy")" '
    NR == 1 { print "    " name; next }
    NR > 3 { exit }
    {
      id = $3
      if (rule == "drop_letter_shift") sub(/X$/, "", id)
      if (rule == "last_six_x_to_zero") sub(/X$/, "0", id)
      printf "      学号 %-13s 查询密码 %s   %s\n", $1, substr(id, length(id) - 5), $2
    }' "$1"
}

# The logins of staff with the secrets that the command printed: for the first sign-in only.
demo_staff() {
  local login
  for login in office finance auditor admin deputy network counsellor; do
    printf '      账号 %-8s 密码 %-26s 密钥 %s\n' "$login" "first password of $login" \
      "$(awk '$1 == "secret" { print $2 }' "$data/staff/$login")"
  done
}

cat <<TEXT

  onecard is running. Ctrl-C stops it.

    student app            http://127.0.0.1:$server/
    API, browsable         http://127.0.0.1:$server/api/docs
    sandbox control page   http://127.0.0.1:$sandbox/     stands in for WeChat, WeChat Pay and Alipay
    till with a scanner    http://127.0.0.1:$sandbox/till
    gate and library desk  http://127.0.0.1:$sandbox/gate
    staff                  http://127.0.0.1:$server/staff
    authenticator          http://127.0.0.1:$sandbox/authenticator   shows the codes that staff need
    metrics                http://127.0.0.1:$metrics/metrics

  demo accounts, invented (the second of each school has an ID number that ends with X):

$(for roster in schools/demo/*-roster.csv; do demo_accounts "$roster"; done)

  staff of 云南艺术学院; the first sign-in replaces password and secret (一卡通中心, 财务, 审计, 两位管理员,
  网络中心, 辅导员; the codes come from the authenticator, after the secret was typed in there):

$(demo_staff)
      finance is linked with the WeCom userid LiNa: after the first sign-in 用企业微信登录 → 李娜 → the code

  the school has three weeks behind it. What to look at, at http://127.0.0.1:$server/staff:

    office      今日待办 → 复核：重置查询密码由 colleague 申请，等您通过 → 人员：找 20241001101，看流水和设备；有人欠费，
                有人挂失，有人过期 → 订单：日期选最近几周，微信、支付宝都有，有未支付、已退款 → 异常：接手一件 →
                花名册：freshmen.csv 已检查，有一行被拒绝，导入它 → 门禁记录：东三栋进出，住别处的被拒绝
    finance     复核：两件退款、一件调账、一笔对账差异由同事申请，等您通过 → 对账：11 点以后看昨天，三天前那天也差一笔，
                支付平台的账单里没有 → 异常：一笔重复支付退不回去 → 导出
    auditor     订单、退款、对账、记录：谁在什么时候做了什么，为什么
    admin       工作人员：secretary 申请了会计的账号，等您通过；新增一个账号，由 deputy 复核 → 政策：改一条，由 deputy 复核 → 运行状况
    network     终端：T3 多日没有联系，T4 已停用；给 T3 换密钥，启用 T4 → 消息与帮助：没有人同意过，全部未送达
    counsellor  人员：只看分给的两个班，看状态，不看钱；班级由 admin 在 工作人员 → counsellor 里改

  try: open the student app → 微信登录 → choose 林晓雨 → 咸宁职业技术学院, 学号 and 查询密码
       from above → 充值 ¥50 → 确认支付 at the cashier → the balance is on the home page
  then: $bin/onecard --config $data/onecard.toml verify

  logs: $data/server.log, $data/sandbox.log

TEXT
wait -n "${pids[@]}"
echo "one of the two servers ended; see the logs in $data" >&2
exit 1
