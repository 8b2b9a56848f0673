// Refreshes the lists of the control page. Without it the page works all the same.
"use strict";

const REFRESH_MS = 2000;
const live = [...document.querySelectorAll("[data-live]")];

async function refresh() {
  const answer = await fetch(location.href, { signal: AbortSignal.timeout(REFRESH_MS) });
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const section of live) {
    const next = fresh.getElementById(section.id);
    // Whoever is typing in a list keeps it as it is.
    if (next && !section.contains(document.activeElement)) {
      section.innerHTML = next.innerHTML;
    }
  }
}

async function run(box) {
  while (box.checked) {
    await new Promise((resolve) => setTimeout(resolve, REFRESH_MS));
    await refresh().catch(() => {});
  }
}

if (live.length > 0) {
  const label = document.createElement("label");
  const box = document.createElement("input");
  box.type = "checkbox";
  box.checked = true;
  box.addEventListener("change", () => run(box));
  label.className = "live";
  label.append(box, "自动刷新");
  document.querySelector(".head .lead").after(label);
  run(box);
}
