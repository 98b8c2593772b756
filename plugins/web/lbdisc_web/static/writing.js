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
  one.title = one.dateTime;
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

const two = (number) => String(number).padStart(2, "0");

// The time of the day, with the day where that is not today's.
export function clock(seconds) {
  const when = new Date(seconds * 1000);
  const today = when.toDateString() === new Date(now() * 1000).toDateString();
  const day = today ? "" : `${two(when.getMonth() + 1)}-${two(when.getDate())} `;
  return timed(seconds, day + [when.getHours(), when.getMinutes(), when.getSeconds()].map(two).join(":"));
}

export const until = (found) => (found.until_s ? `, until ${iso(found.until_s).replace(/\.\d+/, "")}` : "");
