// Where things stand: the verdict, the stages, the registry, and what an operator did.

import { at, fill, isolated, make, put } from "./nodes.js";
import { changing } from "./rows.js";
import { age, count, until } from "./writing.js";

const MOST = 20; // overruled endpoints that are named
const LONG = 90; // characters from which the verdict is no heading's text any more
const STEERED = ["steered", "overruled"]; // what these say is shown as the operator's acts

export function showVerdict({ verdict, agent }) {
  const heading = at("verdict");
  heading.dataset.word = verdict.word;
  heading.classList.toggle("long", verdict.summary.length > LONG);
  const rest = verdict.summary.replace(new RegExp(`^${verdict.word}: ?`), "");
  fill(heading, make("b", verdict.word), isolated(rest ? `: ${rest}` : ""));
  const first = verdict.reasons.findIndex((one) => one.counts);
  fill(at("reasons"), ...verdict.reasons.filter((one, index) => index !== first && !STEERED.includes(one.check))
    .map((one) => make("li", one.text, one.counts ? "counts" : "")));
  say(verdict.summary);
  document.title = `${verdict.word} · ${agent.name || "lbdisc"}`;
}

// Heard once for each verdict, not at every second that it lasts.
function say(summary) {
  const said = at("said");
  const stripped = summary.replace(/\d+/g, "");
  if (said.dataset.of === stripped) return;
  said.dataset.of = stripped;
  put(said, summary);
}

export function showAgent({ agent }) {
  put(at("who"), agent.name ? `lbdisc on ${agent.name}` : "lbdisc");
  const parts = [agent.pid ? `lbdisc ${agent.version}, process ${agent.pid}, ${agent.word}` : agent.word];
  if (agent.output) parts.push(agent.output);
  fill(at("about"), isolated(parts.join(" · ")), agent.started_s ? make("span", " · up ") : null,
    agent.started_s ? age(agent.started_s, "for") : null);
}

function stage(name, big, small, since, form, wrong, more) {
  const box = make("div", null, wrong ? "wrong" : "");
  const words = make("dd", null, "small");
  if (small) words.append(isolated(small));
  if (since) words.append(small ? " " : "", age(since, form));
  if (more) words.append(isolated(`: ${more}`));
  box.append(make("dt", name), make("dd", big, "big"), words);
  return box;
}

export function showStages({ stages, registry }) {
  const { desired, written, running: runs } = stages;
  const known = desired.endpoints !== null && desired.endpoints !== undefined;
  const much = known ? `${count(desired.endpoints)} endpoints, ` : "";
  const took = runs && runs.ms !== null ? ` in ${count(Math.round(runs.ms))} ms` : "";
  fill(at("stages"),
    stage("Desired", desired.number || "–", `${much}${stages.in_step ? "in step" : "not in step"}`,
      stages.since_s, "for", !stages.in_step),
    stage("Written", written ? written.number : "–", written ? "checked, in the file," : "not yet",
      written && written.at_s, "ago", Boolean(written && runs && written.number < runs.number)),
    stage("Running", runs ? runs.number : "–", runs ? `by ${runs.how}${took},` : "not yet",
      runs && runs.at_s, "ago", !runs),
    stage("Registry", registry.backend || "–",
      registry.state === "ok" ? "answers" : registry.state || "not known",
      registry.since_s, "for", registry.state !== "ok", registry.error));
}

const HOW = { drain: "drains here", disable: "is left out here" };

export function showOperator({ operator: { paused, pinned, overruled } }) {
  const lines = [];
  if (paused) lines.push(act("Paused", paused, pausedAt(paused.waits)));
  if (pinned) lines.push(act("Pinned", pinned, `generation ${pinned.generation}`));
  for (const one of overruled.slice(0, MOST)) {
    const key = `${one.service}/${one.name}`;
    const absent = one.listed === false ? " (not listed)" : "";
    lines.push(act("Overruled", one, `${key} ${HOW[one.how] || `has weight ${one.weight} here`}${absent}`, key));
  }
  if (overruled.length > MOST) lines.push(make("p", `and ${overruled.length - MOST} more`));
  at("operator").hidden = !lines.length;
  fill(at("operator"), ...lines);
}

function pausedAt(waits) {
  if (!waits) return "applying";
  return waits === 1 ? "with 1 change that waits," : `with ${count(waits)} changes that wait,`;
}

function act(word, found, text, key) {
  const line = make("p");
  line.append(make("b", word), isolated(` ${text} by ${found.by}`));
  if (found.since_s) line.append(" ", age(found.since_s, "ago"));
  line.append(isolated(`${until(found)}${found.why ? `: ${found.why}` : ""} `));
  if (key && document.body.dataset.able === "true") line.append(" ", changing(key));
  return line;
}
