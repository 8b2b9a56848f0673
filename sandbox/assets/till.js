// A till: amount and code in, the server's answer out. What is signed and sent is the sandbox's part.
"use strict";

const SHOWN_ANSWERS = 20;
const SCAN_EVERY_MS = 200;
const at = (id) => document.getElementById(id);
const yuan = (fen) => `¥${(fen / 100).toFixed(2)}`;
const base = () => `/sandbox/api/tills/${at("till").value}`;
let busy = false;
let merchant = "";

function show(kind, headline, sum = "", detail = "") {
  at("result").className = `result ${kind}`;
  at("headline").textContent = headline;
  at("sum").textContent = sum;
  at("detail").textContent = detail;
}

function showPlace(lastSeq) {
  at("place").textContent = `${merchant} · 上一序号 ${lastSeq}`;
}

/** The amount in fen, without a detour over fractions. */
function amountFen() {
  const [whole, part = ""] = at("amount").value.trim().split(".");
  return Number(whole) * 100 + Number(part.padEnd(2, "0"));
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
  const answer = response.status === 204 ? {} : await response.json();
  return response.ok ? answer : Promise.reject(new Error(answer.message || `HTTP ${response.status}`));
}

function takeFault() {
  const fault = at("fault").value || null;
  at("fault").value = "";
  return fault;
}

function refusal({ status, body }) {
  const wait = status === 429 ? "，请稍候再试" : "";
  return `${body?.detail || body?.title || `服务器应答 ${status}`}${wait}`;
}

function charged(body) {
  const left = body.balance_fen === undefined ? "" : `余额 ${yuan(body.balance_fen)}`;
  show("good", body.name_masked || "收款成功", yuan(body.amount_fen), left);
}

/** One answer in the till's own big letters. */
function tell({ what, seq, answer, second, pending }) {
  note(`#${seq} ${what} ${answer ? `${answer.status} ${JSON.stringify(answer.body)}` : "没有应答"}`);
  if (second) note(`#${seq} ${what}（第二次） ${second.status} ${JSON.stringify(second.body)}`);
  showPlace(seq);
  at("lost").hidden = !pending;
  at("ask").hidden = true;
  at("charge").hidden = false;
  if (!answer) return show("unsure", "没有收到应答", "", `序号 ${seq}：请重发，结果以服务器为准`);
  if (answer.status === 200 && what === "reversal") return show("good", "已撤销", answer.body.amount_fen ? yuan(answer.body.amount_fen) : "");
  if (answer.status === 200) return charged(answer.body);
  show("bad", refusal(answer), "", answer.body?.detail || "");
  if (answer.body?.code === "password_required") askPassword(answer.body.which);
}

function askPassword(which) {
  at("which").textContent = which === "consumption" ? "请输入消费密码" : "请输入查询密码";
  at("charge").hidden = true;
  at("ask").hidden = false;
  at("password").value = "";
  at("password").focus();
}

function ready() {
  at("code").value = "";
  if (at("ask").hidden) at("code").focus();
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
    ready();
  }
}

function charge() {
  const code = at("code").value.replace(/\s/g, "");
  if (code && at("charge").reportValidity()) {
    act("/charge", { code, amount_fen: amountFen(), fault: takeFault() });
  }
}

async function connect() {
  show("idle", "请输入金额并扫码");
  at("place").textContent = "正在连接…";
  try {
    const { config, pending } = await ask("");
    merchant = config.till?.merchant?.name ?? "未登记商户";
    showPlace(config.last_seq);
    at("lost").hidden = !pending;
  } catch (error) {
    at("place").textContent = error.message;
  }
  ready();
}

async function scan() {
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
      charge();
    }
    await new Promise((resolve) => setTimeout(resolve, SCAN_EVERY_MS));
  }
  for (const track of stream.getTracks()) track.stop();
}

function press(key) {
  const field = at("password");
  if (key === "清除") field.value = "";
  else if (key === "退格") field.value = field.value.slice(0, -1);
  else field.value += key;
}

at("till").addEventListener("change", connect);
at("charge").addEventListener("submit", (event) => { event.preventDefault(); charge(); });
at("ask").addEventListener("submit", (event) => {
  event.preventDefault();
  act("/password", { password: at("password").value, fault: takeFault() });
});
at("pad").addEventListener("click", ({ target }) => { if (target.matches("button")) press(target.textContent); });
at("cancel").addEventListener("click", () => { at("ask").hidden = true; at("charge").hidden = false; ready(); });
at("reverse").addEventListener("click", () => act("/reverse", { fault: takeFault() }));
at("repeat").addEventListener("click", () => act("/repeat", {}));
at("forget").addEventListener("click", async () => {
  await ask("/forget", {}).catch(() => {});
  connect();
});
if ("BarcodeDetector" in window && navigator.mediaDevices) {
  at("camera").hidden = false;
  at("camera").addEventListener("click", () => {
    if (!at("view").hidden) { at("view").hidden = true; return; }
    scan().catch(() => show("bad", "摄像头不可用"));
  });
}
// A school may be named in the address: /till?school=xnec
const school = new URLSearchParams(location.search).get("school");
const option = [...at("till").options].find(({ value }) => value.split("/")[0] === school);
if (option) at("till").value = option.value;
connect();
