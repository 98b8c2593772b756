// The page of an agent: one document from the server, and then what changes in it.
// Everything that is shown is a text node; nothing from a registry becomes markup.

const at = (id) => document.getElementById(id);
let shown = null; // the document
let skew = 0; // seconds that this clock is behind the agent's
let token = ""; // in memory alone
let rows = new Map(); // by key: the table's row and its cells
let tables = new Map(); // by service

function make(kind, text, classes) {
  const one = document.createElement(kind);
  if (text !== undefined && text !== null) one.textContent = String(text);
  if (classes) one.className = classes;
  return one;
}

function isolated(text, classes) {
  return make("bdi", text, classes);
}

// One that may be cut where it is long: all of it is in its title.
function whole(text, classes) {
  const one = isolated(text, classes);
  if (text.length > 60) one.title = text;
  return one;
}

function put(node, text) {
  const words = String(text);
  if (node.textContent !== words) node.textContent = words;
}

function fill(node, ...children) {
  node.replaceChildren(...children.filter((one) => one !== null && one !== undefined));
}

const now = () => Date.now() / 1000 + skew;

function ago(seconds) {
  for (const [size, unit] of [[86400, "d"], [3600, "h"], [60, "min"]]) {
    if (seconds >= 2 * size) return `${Math.round(seconds / size)} ${unit}`;
  }
  return `${Math.max(0, Math.round(seconds))} s`;
}

// Made once: a thousand endpoints have five numbers each.
const format = new Intl.NumberFormat("en");
const { compare } = new Intl.Collator("en", { numeric: true });

function count(number) {
  return number < 1000 ? String(number) : format.format(number);
}

// A time that goes on: "for 40 s", "40 s ago".
function age(since, form) {
  const one = make("time", "", "age");
  one.dataset.since = since;
  one.dataset.form = form;
  one.dateTime = new Date(since * 1000).toISOString();
  one.title = one.dateTime;
  tick(one);
  return one;
}

function tick(one) {
  const words = ago(now() - Number(one.dataset.since));
  put(one, one.dataset.form === "for" ? `for ${words}` : `${words} ago`);
}

function until(found) {
  return found.until_s ? `, until ${new Date(found.until_s * 1000).toISOString().replace(/\.\d+/, "")}` : "";
}

const SECTIONS = {
  verdict: showVerdict, agent: showAgent, stages: showStages, registry: showStages,
  operator: showOperator, services: showCounts, held: showKept, skipped: showKept,
  flapping: showKept, drains: showDrains, events: showEvents, fleet: showFleet,
  actions: showHands,
};

function showVerdict() {
  const found = shown.verdict;
  const verdict = at("verdict");
  verdict.dataset.word = found.word;
  const rest = found.summary.replace(new RegExp(`^${found.word}: ?`), "");
  fill(verdict, make("b", found.word), isolated(rest ? `: ${rest}` : ""));
  const first = found.reasons.findIndex((one) => one.counts);
  fill(at("reasons"), ...found.reasons.filter((_, index) => index !== first)
    .map((one) => make("li", one.text, one.counts ? "counts" : "")));
  // Heard once for each verdict, not at every second that it lasts.
  const said = at("said");
  const stripped = found.summary.replace(/\d+/g, "");
  if (said.dataset.of !== stripped) {
    said.dataset.of = stripped;
    put(said, found.summary);
  }
  document.title = `${found.word} · ${shown.agent.name || "lbdisc"}`;
}

function showAgent() {
  const found = shown.agent;
  put(at("who"), found.name ? `lbdisc on ${found.name}` : "lbdisc");
  const parts = [found.pid ? `lbdisc ${found.version}, process ${found.pid}, ${found.word}` : found.word];
  if (found.output) parts.push(found.output);
  const about = at("about");
  fill(about, isolated(parts.join(" · ")), found.started_s ? make("span", " · up ") : null,
    found.started_s ? age(found.started_s, "for") : null);
  showFleet();
}

function stage(name, big, small, since, form, wrong) {
  const box = make("div", null, wrong ? "wrong" : "");
  const words = make("dd", null, "small");
  if (small) words.append(isolated(small));
  if (since) words.append(small ? " " : "", age(since, form));
  box.append(make("dt", name), make("dd", big, "big"), words);
  return box;
}

function showStages() {
  const found = shown.stages;
  const registry = shown.registry;
  const runs = found.running;
  const wanted = found.desired.number;
  const endpoints = found.desired.endpoints;
  const much = endpoints === null || endpoints === undefined ? "" : `${count(endpoints)} endpoints,`;
  const took = runs && runs.ms !== null ? ` in ${count(runs.ms)} ms` : "";
  fill(at("stages"),
    stage("Desired", wanted || "–", found.in_step ? `${much} in step` : `${much} not in step`,
      found.since_s, "for", !found.in_step),
    stage("Written", found.written ? found.written.number : "–",
      found.written ? "checked, in the file," : "not yet", found.written && found.written.at_s, "ago",
      Boolean(found.written && runs && found.written.number < runs.number)),
    stage("Running", runs ? runs.number : "–", runs ? `by ${runs.how}${took},` : "not yet",
      runs && runs.at_s, "ago", !runs),
    stage("Registry", registry.backend || "–",
      registry.error || (registry.state === "ok" ? "answers" : registry.state || "not known"),
      registry.since_s, "for", registry.state !== "ok"));
}

function showOperator() {
  const { paused, pinned, overruled } = shown.operator;
  const lines = [];
  const line = (word, found, text, key) => {
    const one = make("p");
    const why = found.why ? `: ${found.why}` : "";
    one.append(make("b", word), isolated(` ${text} by ${found.by}`));
    if (found.since_s) one.append(" ", age(found.since_s, "ago"));
    one.append(isolated(`${until(found)}${why} `));
    if (key && document.body.dataset.able === "true") one.append(" ", changing(key));
    lines.push(one);
  };
  const waits = paused && paused.waits === 1 ? "1 change that waits" : `${count(paused ? paused.waits : 0)} changes that wait`;
  if (paused) line("Paused", paused, paused.waits ? `with ${waits},` : "applying");
  if (pinned) line("Pinned", pinned, `generation ${pinned.generation}`);
  for (const one of overruled.slice(0, 20)) {
    const how = { drain: "drains here", disable: "is left out here" }[one.how] || `has weight ${one.weight} here`;
    const absent = one.listed === false ? " (not listed)" : "";
    line("Overruled", one, `${one.service}/${one.name} ${how}${absent}`, `${one.service}/${one.name}`);
  }
  if (overruled.length > 20) lines.push(make("p", `and ${overruled.length - 20} more`));
  at("operator").hidden = !lines.length;
  fill(at("operator"), ...lines);
  showHands();
}

// Endpoints -----------------------------------------------------------------------------------

const HEADS = [["name", "Endpoint"], ["state", "Load balancer says"], ["n", "Weight"], ["n", "Sessions"],
  ["n", "Queue"], ["wide", "Requests"], ["n", "Errors"]];
const isNumber = (kind) => kind === "n" || kind === "wide";
const NUMBERS = ["weight", "sessions", "queued", "requests", "errors"];

function mood(row) {
  if (row.state === "down") return "bad";
  if (row.held || row.overruled || row.draining || row.state === "maintenance") return "warn";
  return row.state === "unknown" ? "plain" : "good";
}

const RANK = { bad: 0, warn: 1, plain: 2, good: 3 };

function words(row) {
  const more = [];
  if (row.draining) more.push("draining");
  if (row.overruled) more.push(`overruled: ${row.overruled}`);
  if (row.held) more.push("held");
  return [row.state, ...more].join(", ");
}

function table(service) {
  const box = make("div", null, "service");
  const title = make("h3");
  const number = make("span", "", "count");
  title.append(isolated(service), number);
  const grid = make("table");
  grid.setAttribute("role", "table");
  grid.setAttribute("aria-label", `Endpoints of ${service}`);
  const head = make("thead");
  head.setAttribute("role", "rowgroup");
  const line = make("tr");
  line.setAttribute("role", "row");
  for (const [kind, text] of HEADS) {
    const cell = make("th", text, isNumber(kind) ? `n c-${kind}` : `c-${kind}`);
    cell.scope = "col";
    cell.setAttribute("role", "columnheader");
    line.append(cell);
  }
  head.append(line);
  const body = make("tbody");
  body.setAttribute("role", "rowgroup");
  grid.append(head, body);
  box.append(title, grid);
  return { box, number, body, order: "" };
}

function newRow(key, found) {
  const line = make("tr");
  line.setAttribute("role", "row");
  const cells = HEADS.map(([kind, text]) => {
    const cell = make("td", null, isNumber(kind) ? "n" : `c-${kind}`);
    cell.setAttribute("role", "cell");
    if (isNumber(kind)) cell.dataset.head = text;
    line.append(cell);
    return cell;
  });
  return { key, line, cells, found: null };
}

function showRow(one, found) {
  const before = one.found;
  one.found = found;
  const feel = mood(found);
  if (one.line.dataset.mood !== feel) one.line.dataset.mood = feel;
  const [name, state] = one.cells;
  if (!before || before.at !== found.at || String(before.tags) !== String(found.tags)) {
    fill(name, whole(found.name, "name"), isolated(found.at, "at"),
      found.tags.length ? isolated(found.tags.join("  "), "tags") : null);
    actOn(one);
  }
  const timed = found.since_s && feel !== "good"; // what is well is quiet
  if (!before || words(before) !== words(found) || before.says !== found.says || before.since_s !== found.since_s) {
    fill(state, make("span", null, "dot"), make("span", words(found), "word"),
      timed ? make("span", " ") : null, timed ? age(found.since_s, "for") : null,
      found.says ? whole(found.says, "says") : null);
  }
  NUMBERS.forEach((part, index) => {
    const cell = one.cells[2 + index];
    const value = found[part];
    put(cell, value === undefined ? "–" : count(value));
    const bad = value > 0 && (part === "queued" || part === "errors");
    const kind = bad ? "n some" : value || part === "weight" ? "n" : "n zero";
    if (cell.className !== kind) cell.className = kind;
  });
}

function showEndpoints(found, gone, whole) {
  for (const key of gone) {
    const one = rows.get(key);
    if (one) one.line.remove();
    rows.delete(key);
  }
  for (const [key, row] of Object.entries(found)) {
    let one = rows.get(key);
    if (!one) {
      one = newRow(key, row);
      rows.set(key, one);
      if (!whole) one.line.classList.add("new");
    }
    showRow(one, row);
  }
  arrange();
}

// Who needs a look stands first.
function arrange() {
  const wanted = at("find").value.trim().toLowerCase();
  const by = new Map();
  for (const one of rows.values()) {
    const { service } = one.found;
    if (!by.has(service)) by.set(service, []);
    by.get(service).push(one);
    one.line.hidden = Boolean(wanted) && !`${one.key} ${one.found.at} ${one.found.tags} ${words(one.found)}`.toLowerCase().includes(wanted);
  }
  for (const [service, one] of tables) {
    if (!by.has(service)) {
      one.box.remove();
      tables.delete(service);
    }
  }
  for (const service of [...by.keys()].sort()) {
    if (!tables.has(service)) tables.set(service, table(service));
    const into = tables.get(service);
    const all = by.get(service).sort((a, b) => RANK[mood(a.found)] - RANK[mood(b.found)]
      || compare(a.found.name, b.found.name));
    const order = all.map((one) => one.key).join(" ");
    if (into.order !== order) {
      into.order = order;
      into.body.replaceChildren(...all.map((one) => one.line));
    }
  }
  const boxes = [...tables.keys()].sort().map((service) => tables.get(service).box);
  const place = at("services");
  if (!boxes.length) fill(place, make("p", "No endpoint runs.", "quiet"));
  else if (boxes.length !== place.children.length || boxes.some((one, index) => place.children[index] !== one)) fill(place, ...boxes);
  showCounts();
}

function showCounts() {
  for (const found of shown.services) {
    const into = tables.get(found.service);
    if (!into) continue;
    const draining = found.draining ? `, ${count(found.draining)} draining` : "";
    put(into.number, `${count(found.up)} of ${count(found.servers)} up${draining}`);
    into.number.className = found.servers && !found.up ? "count bad" : "count";
  }
}

// The rest ------------------------------------------------------------------------------------

function listed(items) {
  const list = make("ul", null, "list");
  list.append(...items);
  return list;
}

function entry(tag, text, since, form) {
  const one = make("li");
  if (tag) one.append(make("span", tag, "tag"));
  one.append(isolated(text));
  if (since) one.append(" ", age(since, form || "for"));
  return one;
}

function showKept() {
  const items = [
    ...shown.held.map((one) => entry("held", `${one.service}/${one.name}${one.why ? `: ${one.why}` : ""}${one.by && one.by !== "guard" ? ` (${one.by})` : ""}${until(one)}`, one.since_s)),
    ...shown.flapping.map((one) => entry("flaps", `${one.service}/${one.name}: its changes wait`, one.since_s)),
    ...shown.skipped.map((one) => entry("skipped", `${one.where}: ${one.what}`)),
  ];
  const more = shown.held_more + shown.skipped_more;
  if (more) items.push(make("li", `and ${count(more)} more`, "more"));
  fill(at("kept"), items.length ? listed(items) : make("p", "Nothing is held, nothing is skipped.", "quiet"));
}

function showDrains() {
  const items = shown.drains.map((one) => {
    const here = one.sessions === null || one.sessions === undefined ? "" : `, ${count(one.sessions)} sessions here`;
    const waits = one.waits_for.length ? ` waits for ${one.waits_for.join(", ")}` : " waits for nobody";
    return entry("", `${one.service}/${one.name}${waits}${here}`);
  });
  fill(at("drains"), items.length ? listed(items) : make("p", "Nobody drains.", "quiet"));
}

function showEvents() {
  fill(at("events"), ...shown.events.map((one) => {
    const item = make("li");
    item.dataset.level = one.level;
    const when = make("time", new Date(one.at_s * 1000).toLocaleTimeString("en-GB"));
    when.dateTime = new Date(one.at_s * 1000).toISOString();
    when.title = when.dateTime;
    const text = make("div");
    text.append(isolated(one.text, "text"));
    if (one.cause) text.append(isolated(`cause: ${one.cause}`, "cause"));
    item.append(when, text);
    return item;
  }));
}

function showFleet() {
  if (!shown.fleet.length) {
    fill(at("fleet"), make("p", "The registry lists no agent.", "quiet"));
    return;
  }
  const grid = make("table");
  const line = make("tr");
  for (const text of ["Agent", "Services", "Version", "Runs the same"]) {
    const cell = make("th", text);
    cell.scope = "col";
    line.append(cell);
  }
  const head = make("thead");
  head.append(line);
  const body = make("tbody");
  for (const one of shown.fleet) {
    const row = make("tr");
    const name = make("td");
    name.append(isolated(one.agent, "name"), isolated(one.own ? "this one" : one.address, "at"));
    const same = make("td");
    if (one.differs.length) {
      same.append(isolated(`differs in ${one.differs.join(", ")} `, "differs"));
      if (one.since_s) same.append(age(one.since_s, "for"));
    } else same.append("yes");
    row.append(name, make("td", one.services.join(", ")), make("td", one.version), same);
    body.append(row);
  }
  grid.append(head, body);
  fill(at("fleet"), grid);
}

// Actions -------------------------------------------------------------------------------------

let acting = null; // what the dialog is about

function showHands() {
  at("hands").hidden = !shown.actions;
  const able = shown.actions && Boolean(token);
  at("unlock").hidden = able;
  at("pause").hidden = !able || Boolean(shown.operator.paused);
  at("resume").hidden = !able || !(shown.operator.paused || shown.operator.pinned);
  if (document.body.dataset.able !== String(able)) {
    document.body.dataset.able = String(able);
    rows.forEach(actOn);
    showOperator();
  }
}

function changing(key) {
  const button = make("button", "Change", "act");
  button.type = "button";
  button.setAttribute("aria-label", `Change ${key}`);
  button.addEventListener("click", () => ask("", key));
  return button;
}

function actOn(one) {
  const [name] = one.cells;
  const there = name.querySelector("button");
  const able = document.body.dataset.able === "true";
  if (able && !there) name.prepend(changing(one.key));
  else if (!able && there) there.remove();
}

function ask(what, key) {
  acting = { ask: what, what: key };
  put(at("t-act"), key ? "Overrule the registry" : what === "pause" ? "Pause applying" : "Resume applying");
  put(at("act-what"), key ? `${key}, on this load balancer` : what === "pause"
    ? "The agent follows and plans, and applies nothing." : "The agent applies again; nothing is pinned any more.");
  at("l-how").hidden = !key;
  at("how").value = shown.operator.overruled.some((one) => `${one.service}/${one.name}` === key) ? "undo" : "drain";
  suit();
  put(at("act-fault"), "");
  at("why").value = "";
  at("ask-act").showModal();
}

// Only what goes with the action is asked for.
function suit() {
  const how = acting.ask || at("how").value;
  at("l-for").hidden = how === "resume" || how === "undo";
  at("l-weight").hidden = how !== "weight";
}

async function act(event) {
  event.preventDefault();
  const how = acting.ask || at("how").value;
  const words = { ask: how, what: acting.what, why: at("why").value };
  if (at("for").value && how !== "resume" && how !== "undo") words.for_s = Number(at("for").value);
  if (how === "weight") words.weight = Number(at("weight").value);
  try {
    const answer = await fetch("actions", { method: "POST", body: JSON.stringify(words), headers: { ...credentials(), "Content-Type": "application/json" } });
    const text = (await answer.text()).trim();
    if (answer.ok) {
      at("ask-act").close();
      put(at("did"), text);
    } else put(at("act-fault"), text);
    if (answer.status === 401) {
      token = "";
      showHands();
    }
  } catch {
    put(at("act-fault"), "The agent does not answer.");
  }
}

const credentials = () => (token ? { Authorization: `Bearer ${token}` } : {});
let given = () => {};

function needToken(why, fault) {
  put(at("token-why"), why);
  put(at("token-fault"), fault);
  at("token").value = "";
  if (!at("ask-token").open) at("ask-token").showModal();
  return new Promise((resolve) => { given = resolve; });
}

at("token-form").addEventListener("submit", (event) => {
  event.preventDefault();
  token = at("token").value.trim();
  at("token").value = "";
  at("ask-token").close();
  given(true);
});
at("ask-token").addEventListener("close", () => given(Boolean(token)));
at("unlock").addEventListener("click", async () => {
  await needToken("It is kept in this page alone, until it is closed.", "");
  showHands();
});
at("pause").addEventListener("click", () => ask("pause", ""));
at("resume").addEventListener("click", () => ask("resume", ""));
at("how").addEventListener("change", suit);
at("act-form").addEventListener("submit", act);
document.querySelectorAll("dialog .close").forEach((one) => one.addEventListener("click", () => one.closest("dialog").close()));
at("find").addEventListener("input", arrange);

// The line to the agent -----------------------------------------------------------------------

function take(kind, found) {
  skew = found.now_s - Date.now() / 1000;
  if (kind === "whole") {
    const gone = [...rows.keys()].filter((key) => !(key in found.endpoints));
    shown = found;
    showEndpoints(found.endpoints, gone, true);
    [...new Set(Object.values(SECTIONS))].forEach((show) => show());
    return;
  }
  const { endpoints, ...parts } = found;
  Object.assign(shown, parts);
  if (endpoints) showEndpoints(endpoints.put, endpoints.gone, false);
  [...new Set(Object.keys(parts).map((name) => SECTIONS[name]).filter(Boolean))].forEach((show) => show());
}

function line(state, text) {
  at("line").dataset.state = state;
  put(at("line"), text);
}

async function listen() {
  const answer = await fetch("events", { headers: credentials(), cache: "no-store" });
  if (answer.status === 401) {
    const fault = token ? "That was not it." : "";
    token = "";
    line("lost", "locked");
    await needToken("This page is seen by others: it asks for the token of [web].", fault);
    return true;
  }
  if (!answer.ok) throw new Error((await answer.text()).trim());
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let waiting = "";
  let heard = Date.now();
  const watch = setInterval(() => { if (Date.now() - heard > 25000) reader.cancel(); }, 5000);
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return false;
      heard = Date.now();
      line("live", "live");
      waiting += value;
      const texts = waiting.split("\n\n");
      waiting = texts.pop();
      for (const text of texts) {
        const found = /^event: (\w+)\ndata: (.*)$/.exec(text);
        if (found) take(found[1], JSON.parse(found[2]));
      }
    }
  } finally {
    clearInterval(watch);
  }
}

async function stay() {
  for (let wait = 500; ; wait = Math.min(2 * wait, 8000)) {
    let again = false;
    const began = Date.now();
    try {
      again = await listen();
      line("lost", "connection lost, trying again");
    } catch (error) {
      line("lost", error instanceof TypeError ? "connection lost, trying again" : error.message);
    }
    if (again || Date.now() - began > 10000) wait = 250;
    await new Promise((resolve) => { setTimeout(resolve, wait * (0.75 + Math.random() / 2)); });
  }
}

setInterval(() => document.querySelectorAll("time.age").forEach(tick), 1000);
stay();
