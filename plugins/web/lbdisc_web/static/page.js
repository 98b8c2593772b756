// The page of an agent: one document, and then what changes in it. The other files show its parts.

import { showHands } from "./acting.js";
import { stay } from "./line.js";
import { showDrains, showEvents, showFleet, showKept } from "./lists.js";
import { at } from "./nodes.js";
import { showAgent, showOperator, showStages, showVerdict } from "./standing.js";
import { offerAll, showCounts, showEndpoints, showWhole } from "./tables.js";
import { whenTokenChanges } from "./token.js";
import { setClock, tickAll } from "./writing.js";

let shown = null; // the document

// By the part of the document that is another: what shows it.
const SECTIONS = {
  verdict: [showVerdict], agent: [showAgent], stages: [showStages], registry: [showStages],
  operator: [showOperator, hands], services: [({ services }) => showCounts(services)], held: [showKept], skipped: [showKept],
  flapping: [showKept], drains: [showDrains], events: [showEvents], fleet: [showFleet], actions: [hands],
};

function hands() {
  if (!shown || !showHands(shown)) return;
  offerAll();
  showOperator(shown);
}

function show(parts) {
  const wanted = new Set(parts.flatMap((name) => SECTIONS[name] || []));
  wanted.forEach((one) => one(shown));
}

function take(kind, found) {
  setClock(found.now_s);
  if (kind === "whole") {
    shown = found;
    showWhole(found.endpoints);
    show(Object.keys(SECTIONS));
    return;
  }
  const { endpoints, ...parts } = found;
  Object.assign(shown, parts);
  if (endpoints) showEndpoints(endpoints);
  show(Object.keys(parts));
}

// Whoever may see it without a token is given the first document with the page itself.
function begin() {
  const first = at("first");
  if (!first) return "";
  take("whole", JSON.parse(first.textContent));
  first.remove(); // it is in `shown` now
  return first.dataset.number;
}

whenTokenChanges(hands);
setInterval(tickAll, 1000);
stay(take, begin());
