// Draws the events of a running job: bars of progress, the log, and the page anew when it has ended.
const MOST_LINES = 500;
const job = document.getElementById("job");
const bars = document.getElementById("bars");
const log = document.getElementById("log");
const drawn = new Map();

function drawBar({ key, name, done, total, left }) {
  let item = drawn.get(key);
  if (!item) {
    item = document.createElement("li");
    item.append(...["span", "progress", "output"].map((tag) => document.createElement(tag)));
    item.querySelector("progress").setAttribute("aria-label", name);
    drawn.set(key, item);
    bars.append(item);
    document.getElementById("waiting").hidden = true;
  }
  const [label, bar, amount] = item.children;
  label.textContent = name;
  bar.max = total || 1;
  bar.value = done;
  amount.textContent = `${done} / ${total}${left && done < total ? ` · ${left}` : ""}`;
}

function addLine(text) {
  const atEnd = log.scrollTop + log.clientHeight >= log.scrollHeight - 8;
  const line = document.createElement("p");
  line.textContent = text;
  log.append(line);
  if (log.childElementCount > MOST_LINES) log.firstElementChild.remove();
  if (atEnd) log.scrollTop = log.scrollHeight;
}

const events = new EventSource(job.dataset.events);
events.addEventListener("lines", (message) => {
  for (const { text, progress } of JSON.parse(message.data)) {
    if (progress) drawBar(progress);
    else addLine(text);
  }
});
events.addEventListener("state", (message) => {
  const { state, words } = JSON.parse(message.data);
  const pill = document.getElementById("state");
  pill.textContent = words;
  pill.className = `pill ${state}`;
  if (state !== "running" && state !== "starting") {
    events.close();
    location.reload();
  }
});
