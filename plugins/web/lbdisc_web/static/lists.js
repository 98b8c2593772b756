// What is held and skipped, who drains, what happened, and the other agents.

import { at, fill, isolated, make } from "./nodes.js";
import { age, clock, count, until } from "./writing.js";

function show(place, items, none) {
  const list = make("ul", null, "list");
  list.append(...items);
  fill(at(place), items.length ? list : make("p", none, "quiet"));
}

function entry(tag, text, since, more) {
  const one = make("li");
  if (tag) one.append(make("span", tag, "tag"));
  one.append(isolated(text));
  if (since) one.append(" ", age(since, "for"));
  if (more) one.append(isolated(more));
  return one;
}

export function showKept(shown) {
  const items = [
    ...shown.held.map((one) => entry("held", `${one.service}/${one.name}`, one.since_s, heldText(one))),
    ...shown.flapping.map((one) => entry("flaps", `${one.service}/${one.name}: its changes wait`, one.since_s)),
    ...shown.skipped.map((one) => entry("skipped", `${one.where}: ${one.what}`)),
  ];
  const more = shown.held_more + shown.skipped_more;
  if (more) items.push(make("li", `and ${count(more)} more`, "more"));
  show("kept", items, "Nothing is held, nothing is skipped.");
}

function heldText(one) {
  const by = one.by && one.by !== "guard" ? ` (${one.by})` : "";
  return `${one.why ? `: ${one.why}` : ""}${by}${until(one)}`;
}

export function showDrains({ drains }) {
  const items = drains.map((one) => {
    const known = one.sessions !== null && one.sessions !== undefined;
    const here = known ? `, ${count(one.sessions)} ${one.sessions === 1 ? "session" : "sessions"} here` : "";
    return entry("", `${one.service}/${one.name} waits for ${one.waits_for.join(", ") || "nobody"}${here}`);
  });
  show("drains", items, "Nobody drains.");
}

export function showEvents({ events }) {
  fill(at("events"), ...events.map((one) => {
    const item = make("li");
    item.dataset.level = one.level;
    const text = make("div");
    text.append(isolated(one.text, "text"));
    if (one.cause) text.append(isolated(`cause: ${one.cause}`, "cause"));
    item.append(clock(one.at_s), text);
    return item;
  }));
}

const HEADS = ["Agent", "Services", "Version", "Runs the same"];

export function showFleet({ fleet }) {
  if (!fleet.length) {
    fill(at("fleet"), make("p", "The registry lists no agent.", "quiet"));
    return;
  }
  const grid = make("table");
  const line = grid.createTHead().insertRow();
  for (const text of HEADS) {
    const cell = make("th", text);
    cell.scope = "col";
    line.append(cell);
  }
  grid.createTBody().append(...fleet.map(agentRow));
  fill(at("fleet"), grid);
}

function agentRow(one) {
  const row = make("tr");
  const name = make("td");
  name.append(isolated(one.agent, "name"), isolated(one.own ? "this one" : one.address, "at"));
  const same = make("td");
  if (one.differs.length) {
    same.append(isolated(`differs in ${one.differs.join(", ")} `, "differs"));
    if (one.since_s) same.append(age(one.since_s, "for"));
  } else same.append("yes");
  row.append(name, make("td", one.services.join(", ")), make("td", one.version), same);
  return row;
}
