// Decisions on their way: kept in the browser until the studio has acknowledged them, and posted in their order.
const WAITS = [300, 600, 1200, 2500, 5000];
const MOST_POSTED = 200;

export class Outbox {
  // address: where decisions are posted; about: what they are about, which keeps those of other pages apart.
  constructor(address, reviewer, about, onResult, onState) {
    Object.assign(this, { address, reviewer, onResult, onState });
    this.prefix = `anytasktune-review ${about} ${reviewer} `;
    this.window = crypto.randomUUID();
    this.last = 0;
    this.waiting = [];
    this.sending = false;
  }

  add(decision) {
    const item = { number: ++this.last, ...decision };
    this.waiting.push(item);
    this.keep(this.window, item);
    if (this.sending) this.tell(this.state);
    else this.send();
    return item.number;
  }

  // Decisions of windows that were closed before the studio had them. Another open window may post its own too: each is written once.
  async adopt() {
    const found = new Map();
    for (const key of Object.keys(this.storage ?? {})) {
      if (!key.startsWith(this.prefix)) continue;
      const [window] = key.slice(this.prefix.length).split(" ");
      if (window === this.window) continue;
      const item = readJson(this.storage.getItem(key));
      if (item) found.set(window, [...(found.get(window) ?? []), item]);
    }
    for (const [window, items] of found) {
      items.sort((one, other) => one.number - other.number);
      while (items.length) {
        const batch = items.slice(0, MOST_POSTED);
        const results = await this.post(window, batch);
        for (const result of results) this.forget(window, result.number);
        items.splice(0, batch.length);
      }
    }
  }

  async send() {
    this.sending = true;
    let failures = 0;
    while (this.waiting.length) {
      if (!failures) this.tell("saving");
      try {
        const results = await this.post(this.window, this.waiting.slice(0, MOST_POSTED));
        failures = 0;
        for (const result of results) {
          const [item] = this.waiting.splice(this.waiting.findIndex((each) => each.number === result.number), 1);
          this.forget(this.window, result.number);
          this.onResult(result, item);
        }
      } catch (error) {
        this.tell(error.state ?? "offline", error.problems);
        await new Promise((resolve) => setTimeout(resolve, WAITS[Math.min(failures++, WAITS.length - 1)]));
      }
    }
    this.sending = false;
    this.tell("saved");
  }

  tell(state, problems) {
    this.state = state;
    this.onState({ count: this.waiting.length, state, problems });
  }

  async post(window, decisions) {
    const body = JSON.stringify({ window, reviewer: this.reviewer, decisions });
    const headers = { "Content-Type": "application/json" };
    const reply = await fetch(this.address, { method: "POST", headers, body, signal: AbortSignal.timeout(60000) });
    if (!reply.ok) {
      const problems = (await reply.json().catch(() => ({}))).problems;
      throw Object.assign(new Error(`status ${reply.status}`), { state: reply.status === 403 ? "no_entry" : "offline", problems });
    }
    return (await reply.json()).results;
  }

  keep(window, item) {
    try { this.storage?.setItem(`${this.prefix}${window} ${item.number}`, JSON.stringify(item)); } catch { /* full: they stay in this window */ }
  }

  forget(window, number) {
    this.storage?.removeItem(`${this.prefix}${window} ${number}`);
  }

  get storage() {
    try { return globalThis.localStorage; } catch { return null; }
  }
}

function readJson(text) {
  try { return JSON.parse(text); } catch { return null; }
}
