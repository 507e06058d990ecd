// Keeps the curves of a running training current, and draws the page anew when an estimate is there.
const curves = document.querySelector("#curves[data-from]");
const ends = document.querySelector("[data-ends]");
const SECONDS = 1.5;

async function look() {
  if (!document.hidden) {
    const reply = await fetch(curves.dataset.from);
    if (reply.ok) curves.innerHTML = await reply.text();
  }
  setTimeout(() => look().catch(() => setTimeout(look, 5000)), SECONDS * 1000);
}
if (curves) setTimeout(look, SECONDS * 1000);

if (ends) {
  const events = new EventSource(ends.dataset.ends);
  events.addEventListener("state", (message) => {
    const { state } = JSON.parse(message.data);
    if (state === "running" || state === "starting") return;
    events.close();
    location.reload();
  });
}
