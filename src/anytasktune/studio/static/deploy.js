// Shows the address of a server as soon as it listens, and that it has ended.
const servers = document.getElementById("servers");

async function look() {
  const reply = await fetch(servers.dataset.from);
  const text = await reply.text();
  if (reply.ok && text !== look.shown) servers.innerHTML = look.shown = text;
  if (servers.querySelector(".server")) {
    const wait = servers.querySelector(".server:not([data-ready])") ? 700 : 5000;
    setTimeout(() => look().catch(() => {}), wait);
  }
}
if ("watch" in servers.dataset) setTimeout(look, 700);
