// A gate or a library desk: a code in, the server's decision out. What is signed and sent is the sandbox's part.
"use strict";

const SHOWN_ANSWERS = 20;
const SCAN_EVERY_MS = 200;
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
const at = (id) => document.getElementById(id);
const base = () => `/sandbox/api/gates/${at("gate").value}`;
let busy = false;
let door = null;
let kind = "gate";

function show(how, headline, detail = "") {
  at("result").className = `result ${how}`;
  at("headline").textContent = headline;
  at("detail").textContent = detail;
}

function note(text) {
  const line = document.createElement("li");
  line.textContent = text;
  at("log").prepend(line);
  while (at("log").children.length > SHOWN_ANSWERS) at("log").lastChild.remove();
}

async function ask(path, body) {
  const options = body ? { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) } : {};
  const response = await fetch(base() + path, options);
  const answer = await response.json();
  return response.ok ? answer : Promise.reject(new Error(answer.message || `HTTP ${response.status}`));
}

function takeFault() {
  const fault = at("fault").value || null;
  at("fault").value = "";
  return fault;
}

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

/** One act after the other: who presses twice has pressed once. */
async function act(path, body) {
  if (busy) return;
  busy = true;
  show("idle", "处理中…");
  try {
    tell(await ask(path, body));
  } catch (error) {
    show("bad", error.message);
  } finally {
    busy = false;
    at("code").value = "";
    at("code").focus();
  }
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
    at("place").textContent = `${name} · ${door?.group ?? "未分组"} · 上一序号 ${config.last_seq}`;
    at("lost").hidden = !pending;
  } catch (error) {
    at("place").textContent = error.message;
  }
  at("code").focus();
}

async function watch() {
  const view = at("view");
  const detector = new BarcodeDetector({ formats: ["qr_code", "code_128"] });
  const stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
  view.srcObject = stream;
  view.hidden = false;
  await view.play();
  while (!view.hidden) {
    const [found] = await detector.detect(view).catch(() => []);
    if (found) {
      at("code").value = found.rawValue;
      view.hidden = true;
      scanned();
    }
    await new Promise((resolve) => setTimeout(resolve, SCAN_EVERY_MS));
  }
  for (const track of stream.getTracks()) track.stop();
}

at("gate").addEventListener("change", connect);
at("scan").addEventListener("submit", (event) => { event.preventDefault(); scanned(); });
at("repeat").addEventListener("click", () => act("/repeat", {}));
if ("BarcodeDetector" in window && navigator.mediaDevices) {
  at("camera").hidden = false;
  at("camera").addEventListener("click", () => {
    if (!at("view").hidden) { at("view").hidden = true; return; }
    watch().catch(() => show("bad", "摄像头不可用"));
  });
}
// A school, and an id, may be named in the address: /gate?school=xnec&id=L1
const query = new URLSearchParams(location.search);
const option = [...at("gate").options].find(({ value }) => {
  const [school, id] = value.split("/");
  return school === query.get("school") && id === (query.get("id") ?? "G1");
});
if (option) at("gate").value = option.value;
connect();
