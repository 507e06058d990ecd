// Checks the task while it is typed: the findings beside the form follow, nothing is written.
const PAUSE_MS = 450;
const form = document.getElementById("task");
const findings = document.getElementById("findings");
let waiting = 0;
let asked = null;
let changed = false;

async function check() {
  asked?.abort();
  asked = new AbortController();
  findings.setAttribute("aria-busy", "true");
  try {
    const reply = await fetch(form.dataset.check, { method: "POST", body: new URLSearchParams(new FormData(form)), signal: asked.signal });
    if (reply.ok) findings.innerHTML = await reply.text();
  } catch (error) {
    if (error.name !== "AbortError") return;
  }
  findings.removeAttribute("aria-busy");
}

function follow() {
  changed = true;
  clearTimeout(waiting);
  waiting = setTimeout(check, PAUSE_MS);
}

form.addEventListener("input", follow);
// What was typed before this script was there
if ([...form.elements].some((field) => field.tagName === "TEXTAREA" && field.value !== field.defaultValue)) follow();
form.addEventListener("submit", () => { changed = false; });
window.addEventListener("beforeunload", (event) => { if (changed) event.preventDefault(); });
