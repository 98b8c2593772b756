// The tables of the services: who needs a look stands first, and of many the first are drawn at once.

import { at, copied, fill, make, put } from "./nodes.js";
import { draw, mood, newRow, offer, RANK, words } from "./rows.js";
import { compare, count } from "./writing.js";

const FIRST = 60; // lines that are made at once: more than a screen has
const NEXT = 320; // in each further piece
const rows = new Map(); // by key
const tables = new Map(); // by service
let services = []; // the counts of each
let waiting = false; // for the next piece
let order = new Map(); // by service: its endpoints, in the order in which they are shown

// After the browser has painted; one that nobody looks at does not paint.
function soon(work) {
  if (document.hidden) setTimeout(work);
  else requestAnimationFrame(() => setTimeout(work));
}

export function showWhole(found) {
  showEndpoints({ put: found, gone: [...rows.keys()].filter((key) => !(key in found)) }, false);
}

export function showEndpoints({ put: found, gone }, arrive = true) {
  for (const key of gone) {
    rows.get(key)?.line?.remove();
    rows.delete(key);
  }
  for (const [key, row] of Object.entries(found)) {
    const one = rows.get(key);
    if (one) one.found = row;
    else rows.set(key, { ...newRow(key, row), arrived: arrive });
    if (one?.line) draw(one);
  }
  arrange();
}

// Everything where it belongs; the first lines are made, and the rest after that.
function arrange() {
  order = ordered();
  for (const [service, one] of tables) {
    if (order.has(service)) continue;
    one.box.remove();
    tables.delete(service);
  }
  lay(FIRST);
}

// At most so many lines are made, at the top first.
function lay(most) {
  let left = most;
  const boxes = [];
  for (const [service, all] of order) {
    if (!tables.has(service)) tables.set(service, newTable(service));
    for (const one of all) if (!one.line && left-- > 0) begin(one);
    boxes.push(tables.get(service).box);
    place(tables.get(service).body, all.filter((one) => one.line).map((one) => one.line));
  }
  if (boxes.length) place(at("services"), boxes);
  else fill(at("services"), make("p", "No endpoint runs.", "quiet"));
  find();
  showCounts(services);
  goOn(left < 0);
}

function goOn(more) {
  at("services").setAttribute("aria-busy", String(more));
  if (!more || waiting) return;
  waiting = true;
  soon(() => {
    waiting = false;
    lay(NEXT);
  });
}

function ordered() {
  const by = new Map();
  for (const one of rows.values()) {
    const { service } = one.found;
    if (!by.has(service)) by.set(service, []);
    by.get(service).push(one);
  }
  for (const all of by.values()) {
    all.sort((a, b) => RANK[mood(a.found)] - RANK[mood(b.found)] || compare(a.found.name, b.found.name));
  }
  return new Map([...by].sort(([a], [b]) => (a < b ? -1 : 1)));
}

function begin(one) {
  draw(one);
  if (one.arrived) one.line.classList.add("new");
}

// `wanted` are the children, in this order; whoever is in place already stays untouched.
function place(parent, wanted) {
  let there = parent.firstElementChild;
  for (const one of wanted) {
    if (there && there !== one && there.nextElementSibling === one) {
      there.remove(); // it belongs further down
      there = one;
    }
    if (there === one) there = one.nextElementSibling;
    else parent.insertBefore(one, there);
  }
  while (there) {
    const next = there.nextElementSibling;
    there.remove();
    there = next;
  }
}

function newTable(service) {
  const box = copied(at("table"));
  const [name, number] = box.querySelector("h3").children;
  put(name, service);
  box.querySelector("table").setAttribute("aria-label", `Endpoints of ${service}`);
  return { box, number, body: box.querySelector("tbody") };
}

// Only whoever has what is typed is to be seen.
function find() {
  const wanted = at("find").value.trim().toLowerCase();
  for (const one of rows.values()) {
    if (!one.line) continue;
    const has = () => `${one.key} ${one.found.at} ${one.found.tags} ${words(one.found)}`.toLowerCase().includes(wanted);
    const hidden = Boolean(wanted) && !has();
    if (one.line.hidden !== hidden) one.line.hidden = hidden;
  }
}

export function showCounts(found) {
  services = found;
  for (const one of services) {
    const into = tables.get(one.service);
    if (!into) continue;
    const draining = one.draining ? `, ${count(one.draining)} draining` : "";
    put(into.number, `${count(one.up)} of ${count(one.servers)} up${draining}`);
    into.number.className = one.servers && !one.up ? "count bad" : "count";
  }
}

// Whether somebody may act has changed.
export const offerAll = () => rows.forEach(offer);

at("find").addEventListener("input", find);
