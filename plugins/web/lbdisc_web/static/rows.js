// The row of one endpoint: made once, and then only what is new in it is written.

import { at, clamp, copied, fill, isolated, make, put } from "./nodes.js";
import { age, count } from "./writing.js";

const NUMBERS = ["weight", "sessions", "queued", "requests", "errors"];

export const RANK = { bad: 0, warn: 1, plain: 2, good: 3 };

export function mood(found) {
  if (found.state === "down") return "bad";
  if (found.held || found.overruled || found.draining || found.state === "maintenance") return "warn";
  return found.state === "unknown" ? "plain" : "good";
}

export function words(found) {
  const more = [];
  if (found.draining) more.push("draining");
  if (found.overruled) more.push(`overruled: ${found.overruled}`);
  if (found.held) more.push("held");
  return [found.state, ...more].join(", ");
}

// What is known of an endpoint that has no line in the page yet.
export const newRow = (key, found) => ({ key, found, drawn: null, line: null });

export function draw(one) {
  const { found, drawn } = one;
  if (found === drawn) return;
  one.line ??= copied(at("row"));
  const feel = mood(found);
  if (one.line.dataset.mood !== feel) one.line.dataset.mood = feel;
  const [name, state, ...numbers] = one.line.cells;
  if (!drawn || drawn.at !== found.at || String(drawn.tags) !== String(found.tags)) drawName(one, name);
  if (!drawn || words(drawn) !== words(found) || drawn.says !== found.says || drawn.since_s !== found.since_s) {
    drawState(found, state);
  }
  NUMBERS.forEach((part, index) => drawNumber(part, found[part], numbers[index]));
  one.drawn = found;
}

function drawName(one, cell) {
  const { name, at: place, tags } = one.found;
  const [shown, where] = cell.querySelectorAll(".name, .at");
  clamp(shown, name);
  put(where, place);
  fill(cell, shown, where, tags.length ? isolated(tags.join("  "), "tags") : null);
  offer(one);
}

function drawState(found, cell) {
  const word = cell.firstElementChild;
  put(word, words(found));
  const timed = found.since_s && mood(found) !== "good"; // what is well is quiet
  if (timed || found.says || cell.childNodes.length > 1) {
    fill(cell, word, timed ? " " : null, timed ? age(found.since_s, "for") : null,
      found.says ? clamp(isolated("", "says"), found.says) : null);
  }
}

function drawNumber(part, value, cell) {
  put(cell, value === undefined ? "–" : count(value));
  const bad = value > 0 && (part === "queued" || part === "errors");
  const kind = bad ? "n some" : value || part === "weight" ? "n" : "n zero";
  if (cell.className !== kind) cell.className = kind;
}

// Who may act has a button beside each name.
export function offer(one) {
  if (!one.line) return;
  const [name] = one.line.cells;
  const there = name.querySelector("button");
  const able = document.body.dataset.able === "true";
  if (able && !there) name.prepend(changing(one.key));
  else if (!able && there) there.remove();
}

// A click on it is heard where all of them are.
export function changing(key) {
  const button = make("button", "Change", "act");
  button.type = "button";
  button.dataset.key = key;
  button.setAttribute("aria-label", `Change ${key}`);
  return button;
}
