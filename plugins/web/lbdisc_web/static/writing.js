// How numbers and times are written.

import { make, put } from "./nodes.js";

let skew = 0; // seconds that this clock is behind the agent's

export function setClock(seconds) {
  skew = seconds - Date.now() / 1000;
}

const now = () => Date.now() / 1000 + skew;

function ago(seconds) {
  for (const [size, unit] of [[86400, "d"], [3600, "h"], [60, "min"]]) {
    if (seconds >= 2 * size) return `${Math.round(seconds / size)} ${unit}`;
  }
  return `${Math.max(0, Math.round(seconds))} s`;
}

// Each made once: a thousand endpoints have five numbers each.
const format = new Intl.NumberFormat("en");
export const { compare } = new Intl.Collator("en", { numeric: true });

export const count = (number) => (number < 1000 ? String(number) : format.format(number));

const iso = (seconds) => new Date(seconds * 1000).toISOString();

function timed(seconds, text, classes) {
  const one = make("time", text, classes);
  one.dateTime = iso(seconds);
  one.title = new Date(seconds * 1000).toLocaleString(); // where the reader is
  return one;
}

// A time that goes on: "for 40 s", "40 s ago".
export function age(since, form) {
  const one = timed(since, "", "age");
  one.dataset.since = since;
  one.dataset.form = form;
  tick(one);
  return one;
}

function tick(one) {
  const words = ago(now() - Number(one.dataset.since));
  put(one, one.dataset.form === "for" ? `for ${words}` : `${words} ago`);
}

export const tickAll = () => document.querySelectorAll("time.age").forEach(tick);

// The time of the day, with the day where that is not today's: UTC, as in the log and in each command.
function stamp(seconds) {
  const [day, time] = iso(seconds).split("T");
  return `${iso(now()).startsWith(day) ? "" : `${day.slice(5)} `}${time.slice(0, 8)}Z`;
}

export const clock = (seconds) => timed(seconds, stamp(seconds));

export const until = (found) => (found.until_s ? `, until ${stamp(found.until_s)}` : "");
