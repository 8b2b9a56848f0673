// What the pages of tills, gates and desks have in common.
"use strict";

const SHOWN_ANSWERS = 20;
const SCAN_EVERY_MS = 200;
const at = (id) => document.getElementById(id);
let busy = false;

function show(how, headline, detail = "", sum = "") {
  at("result").className = `result ${how}`;
  at("headline").textContent = headline;
  at("detail").textContent = detail;
  if (at("sum")) at("sum").textContent = sum;
}

function note(text) {
  const line = document.createElement("li");
  line.textContent = text;
  at("log").prepend(line);
  while (at("log").children.length > SHOWN_ANSWERS) at("log").lastChild.remove();
}

async function askAt(address, body) {
  const options = body ? { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) } : {};
  const response = await fetch(address, options);
  const answer = response.status === 204 ? {} : await response.json();
  return response.ok ? answer : Promise.reject(new Error(answer.message || `HTTP ${response.status}`));
}

function takeFault() {
  const fault = at("fault").value || null;
  at("fault").value = "";
  return fault;
}

/** One act after the other: who presses twice has pressed once. */
async function once(act, then) {
  if (busy) return;
  busy = true;
  show("idle", "处理中…");
  try {
    await act();
  } catch (error) {
    show("bad", error.message);
  } finally {
    busy = false;
    then();
  }
}

/** Reads a code by the camera into the field, and then calls `read`. */
async function watch(read) {
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
      read();
    }
    await new Promise((resolve) => setTimeout(resolve, SCAN_EVERY_MS));
  }
  for (const track of stream.getTracks()) track.stop();
}

function offerCamera(read) {
  if (!("BarcodeDetector" in window) || !navigator.mediaDevices) return;
  at("camera").hidden = false;
  at("camera").addEventListener("click", () => {
    if (!at("view").hidden) { at("view").hidden = true; return; }
    watch(read).catch(() => show("bad", "摄像头不可用"));
  });
}

/** A school, and an id, may be named in the address: /gate?school=xnec&id=L1 */
function chooseNamed(list, usual) {
  const query = new URLSearchParams(location.search);
  const option = [...list.options].find(({ value }) => {
    const [school, id] = value.split("/");
    return school === query.get("school") && id === (query.get("id") ?? usual ?? id);
  });
  if (option) list.value = option.value;
}
