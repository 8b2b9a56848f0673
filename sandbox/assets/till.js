// A till: amount and code in, the server's answer out. What is signed and sent is the sandbox's part.
"use strict";

const yuan = (fen) => `¥${(fen / 100).toFixed(2)}`;
const base = () => `/sandbox/api/tills/${at("till").value}`;

/** The amount in fen, without a detour over fractions. */
function amountFen() {
  const [whole, part = ""] = at("amount").value.trim().split(".");
  return Number(whole) * 100 + Number(part.padEnd(2, "0"));
}

const ask = (path, body) => askAt(base() + path, body);

function refusal({ status, body }) {
  const wait = status === 429 ? "，请稍候再试" : "";
  return `${body?.detail || body?.title || `服务器应答 ${status}`}${wait}`;
}

function charged(body) {
  const left = body.balance_fen === undefined ? "" : `余额 ${yuan(body.balance_fen)}`;
  show("good", body.name_masked || "收款成功", left, yuan(body.amount_fen));
}

/** One answer in the till's own big letters. */
function tell({ what, seq, answer, second, pending }) {
  note(`#${seq} ${what} ${answer ? `${answer.status} ${JSON.stringify(answer.body)}` : "没有应答"}`);
  if (second) note(`#${seq} ${what}（第二次） ${second.status} ${JSON.stringify(second.body)}`);
  at("lost").hidden = !pending;
  at("ask").hidden = true;
  at("charge").hidden = false;
  if (!answer) return show("unsure", "没有收到应答", "请重发：同一笔不会重复扣款，结果以服务器为准");
  if (answer.status === 200 && what === "reversal") return show("good", "已撤销", "", answer.body.amount_fen ? yuan(answer.body.amount_fen) : "");
  if (answer.status === 200) return charged(answer.body);
  show("bad", refusal(answer));
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

const act = (path, body) => once(async () => tell(await ask(path, body)), ready);

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
    at("place").textContent = config.till?.merchant?.name ?? "未登记商户";
    at("lost").hidden = !pending;
  } catch (error) {
    at("place").textContent = error.message;
  }
  ready();
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
offerCamera(charge);
chooseNamed(at("till"));
connect();
