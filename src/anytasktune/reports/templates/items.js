"use strict";
// Every item of the report: filtered, searched, paged, and side by side for all systems. Text from data is only ever set as text.
const data = JSON.parse(document.getElementById("items-data").textContent);
const words = data.words;
const found = document.getElementById("items-found");
const list = document.getElementById("items-list");
const state = { task: 0, system: "", outcome: "", other: "", language: "", text: "", group: null, page: 0 };

function element(tag, className, text) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

function filled(sentence, values) {
  return sentence.replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

function answer(item, task, system) {
  return item.answers[task.systems.indexOf(system)];
}

// Without a system, an outcome is that of any of them.
function matches(item, task) {
  const looked = state.system ? [answer(item, task, state.system)] : item.answers;
  if (state.outcome && !looked.some((one) => one.tone === state.outcome)) return false;
  if (state.other && !looked.some((one) => one.text !== answer(item, task, state.other).text)) return false;
  if (state.language && item.language !== state.language) return false;
  if (state.group && !state.group.ids.has(item.id)) return false;
  if (!state.text) return true;
  const wanted = state.text.toLowerCase();
  const texts = [item.input, item.reference, item.id, item.source, ...item.answers.map((one) => one.text)];
  return texts.some((text) => text && text.toLowerCase().includes(wanted));
}

function pair(list, name, value, language) {
  const box = element("div", "");
  box.append(element("dt", "", name));
  const text = element("dd", "", value);
  if (language) text.lang = language;
  text.dir = "auto";
  box.append(text);
  list.append(box);
  return box;
}

function opened(item, task) {
  const inside = element("dl", "");
  pair(inside, words.input, item.input, item.lang).className = "wide";
  pair(inside, words.reference, item.reference, item.lang).className = "reference";
  task.systems.forEach((system, place) => {
    const one = item.answers[place];
    const box = pair(inside, "", one.text === null ? "" : one.text || words.empty, item.lang);
    box.className = "answer " + system.split(":")[0];
    const name = box.firstChild;
    name.textContent = data.systems[system] + " ";
    name.append(element("span", "mark " + one.tone, one.mark));
    if (one.note) name.append(element("small", "", one.note));
  });
  const source = item.source ? " · " + filled(words.source, { source: item.source }) : "";
  const facts = element("p", "how", filled(words.facts, { row: item.row, id: item.id }) + source);
  return [inside, facts];
}

function line(item, task) {
  const details = element("details", "item");
  const summary = element("summary", "");
  summary.append(element("span", "row", item.row));
  const text = element("span", "text", item.input.slice(0, 160));
  text.lang = item.lang;
  summary.append(text);
  const dots = element("span", "dots");
  task.systems.forEach((system, place) => {
    const one = item.answers[place];
    const dot = element("span", "mark " + one.tone, { right: "✓", wrong: "✗", partly: "◐", none: "–" }[one.tone]);
    dot.title = data.systems[system] + ": " + one.mark;
    if (system === state.system) dot.classList.add("chosen");
    dots.append(dot);
  });
  summary.append(dots);
  details.append(summary);
  details.addEventListener("toggle", () => {
    if (details.open && details.children.length === 1) details.append(...opened(item, task));
  });
  return details;
}

function choices(name, entries) {
  const select = document.getElementById("items-" + name);
  select.replaceChildren(...entries.map(([value, text]) => new Option(text, value)));
  select.value = state[name];
}

function draw() {
  const task = data.tasks[state.task];
  const named = task.systems.map((system) => [system, data.systems[system]]);
  choices("task", data.tasks.map((one, place) => [place, one.title]));
  choices("system", [["", words.any_system], ...named]);
  choices("outcome", [["", words.any_outcome], ...["right", "partly", "wrong", "none"].map((tone) => [tone, words["tone_" + tone]])]);
  choices("other", [["", words.not_compared], ...named]);
  const languages = [...new Set(task.items.map((item) => item.language))];
  choices("language", [["", words.any_language], ...languages.map((name) => [name, words["language_" + name]])]);
  document.getElementById("items-language").parentElement.hidden = languages.length < 2;
  document.getElementById("items-task").parentElement.hidden = data.tasks.length < 2;
  document.getElementById("items-order").textContent = filled(words.order, { systems: named.map((one) => one[1]).join(words.joint) });
  const matching = task.items.filter((item) => matches(item, task));
  state.page = Math.max(0, Math.min(state.page, Math.ceil(matching.length / data.page_size) - 1));
  const first = state.page * data.page_size;
  const shown = matching.slice(first, first + data.page_size);
  list.replaceChildren(...shown.map((item) => line(item, task)));
  const values = { first: first + 1, last: first + shown.length, count: matching.length, total: task.items.length };
  const amount = filled(shown.length ? words.shown : words.nothing, values);
  found.textContent = state.group ? state.group.label + " · " + amount : amount;
  document.getElementById("items-previous").disabled = state.page === 0;
  document.getElementById("items-next").disabled = first + shown.length >= matching.length;
}

function set(change) {
  Object.assign(state, { page: 0 }, change);
  draw();
}

for (const name of ["system", "outcome", "other", "language"]) {
  document.getElementById("items-" + name).addEventListener("change", (event) => set({ [name]: event.target.value, group: null }));
}
document.getElementById("items-task").addEventListener("change", (event) =>
  set({ task: Number(event.target.value), system: "", other: "", language: "", group: null }),
);
document.getElementById("items-text").addEventListener("input", (event) => set({ text: event.target.value }));
document.getElementById("items-previous").addEventListener("click", () => set({ page: state.page - 1 }));
document.getElementById("items-next").addEventListener("click", () => set({ page: state.page + 1 }));
document.getElementById("items-clear").addEventListener("click", () => {
  document.getElementById("items-text").value = "";
  set({ system: "", outcome: "", other: "", language: "", text: "", group: null });
});
document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-task]");
  if (!link) return;
  const { task, system, outcome, group } = link.dataset;
  const place = data.tasks.findIndex((one) => one.name === task);
  const chosen = group ? data.tasks[place].groups[system][Number(group)] : null;
  document.getElementById("items-text").value = "";
  const narrowed = chosen ? { label: chosen.label, ids: new Set(chosen.ids) } : null;
  set({ task: place, system: system || "", outcome: outcome || "", other: "", language: "", text: "", group: narrowed });
});
document.getElementById("items").classList.add("ready");
draw();
