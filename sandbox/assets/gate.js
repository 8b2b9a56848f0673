// A gate or a library desk: a code in, the server's decision out. What is signed and sent is the sandbox's part.
"use strict";

const REASONS = {
  code_invalid: "无效的码",
  code_clock_skew: "手机时间不准，请刷新后再试",
  code_wrong_purpose: "这扇门不收这种码",
  code_used: "此码已用过，请换一个码",
  account_lost: "校园卡已挂失",
  account_dormant: "校园卡已休眠",
  account_expired: "校园卡已过期",
  account_closed: "校园卡已注销",
  right_missing: "没有这里的权限",
  right_not_now: "现在不在开放时间",
};
const UNDECIDED = { call_guard: "请叫保安", stay_closed: "保持关闭" };
const base = () => `/sandbox/api/gates/${at("gate").value}`;
let door = null;
let kind = "gate";

const ask = (path, body) => askAt(base() + path, body);

/** A server that does not decide leaves the door closed. */
function undecided(answer) {
  const what = UNDECIDED[door?.when_undecided] ?? UNDECIDED.stay_closed;
  show("unsure", `没有结果，${what}`, answer ? answer.body?.title || `服务器应答 ${answer.status}` : "没有收到应答");
}

function tell({ seq, open, answer, second, pending }) {
  note(`#${seq} ${answer ? `${answer.status} ${JSON.stringify(answer.body)}` : "没有应答"}`);
  if (second) note(`#${seq}（第二次） ${second.status} ${JSON.stringify(second.body)}`);
  at("lost").hidden = !pending;
  const body = answer?.body ?? {};
  if (open) return show("good", kind === "library" ? "可以借阅" : "请通行", [body.name_masked, body.reader].filter(Boolean).join(" "));
  if (answer?.status === 200) return show("bad", "不能通行", REASONS[body.reason] || body.reason || "");
  if (pending) return undecided(answer);
  show("bad", body.detail || body.title || `服务器应答 ${answer.status}`);
}

const act = (path, body) => once(async () => tell(await ask(path, body)), ready);

function ready() {
  at("code").value = "";
  at("code").focus();
}

function scanned() {
  const code = at("code").value.replace(/\s/g, "");
  if (code) act("/scan", { code, fault: takeFault() });
}

async function connect() {
  show("idle", "请扫码");
  at("place").textContent = "正在连接…";
  try {
    const { config, pending } = await ask("");
    kind = config.terminal.kind;
    door = config.door;
    const name = kind === "library" ? "图书馆借阅台" : "门禁";
    at("place").textContent = `${name} · ${door?.group ?? "未分组"}`;
    at("lost").hidden = !pending;
  } catch (error) {
    at("place").textContent = error.message;
  }
  at("code").focus();
}

at("gate").addEventListener("change", connect);
at("scan").addEventListener("submit", (event) => { event.preventDefault(); scanned(); });
at("repeat").addEventListener("click", () => act("/repeat", {}));
offerCamera(scanned);
chooseNamed(at("gate"), "G1");
connect();
