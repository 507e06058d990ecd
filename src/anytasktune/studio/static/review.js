// Review by keys. The position lives here; cards are fetched ahead, so that a key shows the next one at once.
import { Outbox } from "/static/review_outbox.js";

const AHEAD = 12;
const FETCHED = 24;
const REFILL = 40;
const place = document.getElementById("review");
const { base, show, reviewer } = place.dataset;
const words = JSON.parse(place.dataset.words);
const at = (id) => document.getElementById(id);
const say = (key, values = {}) => words[key].replace(/\{(\w+)\}/g, (_, name) => values[name]);

const order = []; // { id, why }
const known = new Set();
const cards = new Map(); // id → { node, input, output, labels, versions, chosen, separator }; the last two where an answer has several labels
const asked = new Set(); // ids whose cards are being fetched
const decided = new Map(); // id → decision
const history = []; // ids this window decided, the last one last
let index = 0;
let done = 0;
let left = 0;
let exhausted = false;
const early = []; // keys pressed before their card was there
let draft = null; // { id, number, input, output, note } of an edit whose result is waited for

const outbox = new Outbox(`${base}/decisions`, reviewer, base, onResult, onState);
const channel = new BroadcastChannel(outbox.prefix);
channel.addEventListener("message", ({ data }) => {
  if (data.undone) decided.delete(data.id);
  else decided.set(data.id, "elsewhere");
  draw();
});

// --- the order and the cards

async function getJson(path) {
  const reply = await fetch(`${base}/${path}`);
  const document = await reply.json().catch(() => ({}));
  if (!reply.ok) throw new Error((document.problems ?? []).map((each) => `${each.what} ${each.fix}`).join("; ") || reply.status);
  return document;
}

let refilling = null;
function refill() {
  refilling ??= (async () => {
    try {
      const queue = await getJson(`queue?show=${show}`);
      const fresh = queue.items.filter((item) => !known.has(item.id));
      for (const item of fresh) insert(order.length, item);
      if (!outbox.waiting.length) ({ left, done } = queue);
      exhausted = !fresh.length;
    } finally {
      refilling = null;
    }
  })();
  return refilling;
}

function insert(position, item) {
  order.splice(position, 0, item);
  known.add(item.id);
}

async function fetchCards() {
  const near = order.slice(Math.max(0, index - 2), index + AHEAD);
  if (near.every((item) => asked.has(item.id))) return;
  const wanted = order.slice(Math.max(0, index - 2), index + FETCHED).filter((item) => !asked.has(item.id)).map((item) => item.id);
  for (const id of wanted) asked.add(id);
  try {
    const found = await getJson(`cards?show=${show}&${wanted.map((id) => `candidate=${id}`).join("&")}`);
    for (const [id, card] of Object.entries(found)) cards.set(id, { ...card, node: parsed(card.html) });
    for (const id of wanted.filter((each) => !(each in found))) order.splice(placeOf(id), 1); // made anew since
  } catch (error) {
    for (const id of wanted) asked.delete(id);
    setTimeout(look, 1500);
    throw error;
  }
  draw();
  while (early.length && cards.has(order[index]?.id)) press(early.shift());
}

function placeOf(id) {
  return order.findIndex((item) => item.id === id);
}

function parsed(html) {
  const template = document.createElement("template");
  template.innerHTML = html; // written by the studio, which escapes every text
  return template.content.firstElementChild;
}

// Fetch what will be needed, and draw.
function look() {
  draw();
  fetchCards().catch(() => {});
  if (!exhausted && order.length - index < REFILL && !outbox.waiting.length) refill().then(draw, () => {});
}

// --- drawing

function draw() {
  at("done").textContent = say("done", { done });
  at("left").textContent = say("left", { left: Math.max(0, left) });
  const item = order[index];
  if (!item) {
    return showText(say(exhausted ? "end" : "loading"));
  }
  const card = cards.get(item.id);
  if (!card) return showText(say("loading"));
  card.node.querySelector("[data-why]").textContent = item.why;
  const decision = decided.get(item.id);
  card.node.classList.toggle("decided", Boolean(decision));
  if (decision) at("message").textContent = decision === "elsewhere" ? say("elsewhere") : say(`decided_${decision}`);
  if (at("card").firstElementChild !== card.node) at("card").replaceChildren(card.node);
}

function showText(text) {
  const line = document.createElement("p");
  line.className = "empty";
  line.textContent = text;
  at("card").replaceChildren(line);
}

function move(step) {
  let next = index + step;
  while (step > 0 && decided.get(order[next]?.id) === "elsewhere") next += 1;
  if (next < 0 || next > order.length || (step > 0 && index >= order.length)) return;
  index = next;
  at("message").textContent = "";
  look();
}

// --- decisions

function decide(decision, more = {}) {
  const item = order[index];
  if (!item || !cards.has(item.id)) return 0;
  if (!decided.has(item.id)) { done += 1; left -= 1; }
  decided.set(item.id, decision);
  history.push(item.id);
  const number = outbox.add({ decision, candidate: item.id, ...more });
  channel.postMessage({ id: item.id });
  return number;
}

function moveOn() {
  do index += 1; while (index < order.length && decided.has(order[index].id));
  at("message").textContent = "";
  look();
}

function undo() {
  const id = history.pop();
  outbox.add({ decision: "undo", candidate: id ?? "" });
  if (!id) return;
  takeBack(id);
  index = placeOf(id);
  at("message").textContent = "";
  look();
}

function takeBack(id) {
  if (decided.delete(id)) { done -= 1; left += 1; }
  channel.postMessage({ id, undone: true });
}

function chooseLabel(number) {
  const card = cards.get(order[index]?.id);
  if (!card) return;
  const label = card.labels[number - 1];
  if (label === undefined) at("message").textContent = say("no_label", { number });
  else if (card.chosen) toggleLabel(card, number);
  else if (decide(label === card.output ? "accept" : "edit", label === card.output ? {} : { output: label })) moveOn();
}

function toggleLabel(card, number) {
  const label = card.labels[number - 1];
  card.marked ??= new Set(card.chosen);
  if (!card.marked.delete(label)) card.marked.add(label);
  card.node.querySelector(`[data-label="${number}"]`).setAttribute("aria-pressed", card.marked.has(label));
  at("message").textContent = say(answerOf(card) === card.output ? "marked_as_it_was" : "marked");
}

// The output, or the labels that were marked instead.
function answerOf(card) {
  const asItWas = !card.marked || (card.marked.size === new Set(card.chosen).size && card.chosen.every((label) => card.marked.has(label)));
  return asItWas ? card.output : card.labels.filter((label) => card.marked.has(label)).join(card.separator);
}

function accept() {
  const card = cards.get(order[index]?.id);
  if (!card) return 0;
  const output = answerOf(card);
  return output === card.output ? decide("accept") : decide("edit", { output });
}

function onResult(result, { decision, candidate }) {
  const mine = draft?.number === result.number ? draft : null;
  if (mine) draft = null;
  if (result.status === "nothing_to_undo") at("message").textContent = say("nothing_to_undo");
  if (result.status === "refused") refuse(result, mine);
  else if (mine) closeEdit({ advance: true });
  if (decision === "undo" && !candidate && result.status === "written") bringBack(result.candidate);
}

// A decision of another window or an earlier day was undone: its candidate is shown again.
function bringBack(id) {
  if (!known.has(id)) insert(index, { id, why: "" });
  decided.set(id, "accept");
  takeBack(id);
  index = placeOf(id);
  look();
}

function refuse(result, mine) {
  takeBack(result.candidate);
  const last = history.lastIndexOf(result.candidate);
  if (last >= 0) history.splice(last, 1);
  const line = document.createElement("li");
  const said = result.problems.map((each) => [each.what, each.fix].filter(Boolean).join(" → ")).join("; ");
  line.textContent = `${say("refused")} ${said} `;
  if (!mine || at("edit").hidden) line.append(lookButton(line, result.candidate, mine));
  else if (at("edit").dataset.number === String(result.number)) {
    for (const field of fields) field.disabled = false;
    at("edit-output").focus();
  }
  at("refused").append(line);
  at("refused").hidden = false;
  draw();
}

function lookButton(line, id, mine) {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = say("look");
  button.addEventListener("click", () => {
    line.remove();
    at("refused").hidden = !at("refused").children.length;
    index = placeOf(id);
    look();
    if (mine) openEdit(mine);
  });
  return button;
}

function onState({ count, state, problems }) {
  at("saved").textContent = state === "saved" ? say("saved") : say(state, { count });
  at("saved").dataset.state = state;
  if (problems) at("message").textContent = problems.map((each) => each.what).join("; ");
  if (state === "saved") look();
}

// --- the form of an edit

const fields = [at("edit-input"), at("edit-output"), at("edit-note")];

function openEdit(texts) {
  const card = cards.get(order[index]?.id);
  if (!card) return;
  const [input, output, note] = fields;
  input.value = texts?.input ?? card.input;
  output.value = texts?.output ?? answerOf(card);
  note.value = texts?.note ?? "";
  for (const field of fields) field.disabled = false;
  clearRefused();
  at("edit").hidden = false;
  at("keys").hidden = true;
  at("edit").scrollIntoView({ block: "nearest" });
  output.focus();
}

function closeEdit({ advance = false } = {}) {
  if (at("edit").hidden) return;
  clearRefused();
  at("edit").hidden = true;
  at("keys").hidden = false;
  at("card").focus();
  if (advance) moveOn();
}

function clearRefused() {
  at("refused").replaceChildren();
  at("refused").hidden = true;
}

at("edit").addEventListener("submit", (event) => {
  event.preventDefault();
  const card = cards.get(order[index].id);
  const [input, output, note] = fields.map((field) => field.value);
  const changed = {}; // a text that was not touched keeps its line ends
  if (input !== card.input.replace(/\r\n?/g, "\n")) changed.input = input;
  if (output !== card.output.replace(/\r\n?/g, "\n")) changed.output = output;
  if (!Object.keys(changed).length) {
    at("message").textContent = say("unchanged");
    return;
  }
  clearRefused();
  const id = order[index].id;
  const number = decide("edit", { ...changed, note });
  draft = { id, number, input, output, note };
  at("edit").dataset.number = number;
  for (const field of fields) field.disabled = true;
  setTimeout(() => { if (draft?.number === number) closeEdit({ advance: true }); }, 2000); // it is kept, and what is refused comes back
});
at("edit").addEventListener("keydown", (event) => {
  if (event.isComposing) return;
  if (event.key === "Escape") closeEdit();
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) at("edit").requestSubmit();
});
at("cancel").addEventListener("click", () => closeEdit());

// --- keys and buttons

const actions = {
  a: () => accept() && moveOn(),
  r: () => decide("reject") && moveOn(),
  e: () => openEdit(),
  u: undo,
  j: () => move(1),
  k: () => move(-1),
  "?": () => at("help").showModal(),
};

document.addEventListener("keydown", (event) => {
  if (event.isComposing || event.keyCode === 229 || event.ctrlKey || event.metaKey || event.altKey) return;
  const target = event.target;
  if (target.isContentEditable || target.closest?.("input, textarea, select, dialog[open]") || at("help").open) return;
  const key = event.key.normalize("NFKC").toLowerCase();
  if (event.repeat && key !== "j" && key !== "k") return;
  if (!at("edit").hidden) return;
  if (!/^[1-9]$/.test(key) && !actions[key]) return;
  event.preventDefault();
  const waits = order[index] ? !cards.has(order[index].id) : !exhausted;
  if (waits && key !== "?") early.push(key);
  else press(key);
});
function press(key) {
  if (actions[key]) actions[key]();
  else chooseLabel(Number(key));
}
place.addEventListener("click", (event) => {
  const button = event.target.closest("[data-key], [data-label], [data-version]");
  if (!button) return;
  const { key, label, version } = button.dataset;
  if (key) actions[key]();
  else if (label) chooseLabel(Number(label));
  else {
    const [input, output] = cards.get(order[index].id).versions[Number(version)];
    if (decide("edit", { input, output })) moveOn();
  }
});
window.addEventListener("beforeunload", (event) => {
  if (outbox.waiting.length && !outbox.storage) event.preventDefault();
});

try {
  await outbox.adopt().catch(() => {});
  await refill();
  look();
} catch (error) {
  showText(`${say("failed")} ${error.message}`);
}
