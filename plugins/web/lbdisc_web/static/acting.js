// The actions: a dialog that asks for what, why and how long, and the request that does it.

import { at, put } from "./nodes.js";
import { credentials, forgetToken, known } from "./token.js";

let acting = null; // what the dialog is about
let operator = null; // what an operator did so far

// Which buttons there are. Returns whether it is another now who may act.
export function showHands(shown) {
  operator = shown.operator;
  const able = shown.actions && known();
  at("hands").hidden = !shown.actions;
  at("unlock").hidden = able;
  at("pause").hidden = !able || Boolean(operator.paused);
  at("resume").hidden = !able || !(operator.paused || operator.pinned);
  const other = document.body.dataset.able !== String(able);
  document.body.dataset.able = String(able);
  return other;
}

const TEXTS = {
  pause: ["Pause applying", "The agent follows and plans, and applies nothing."],
  resume: ["Resume applying", "The agent applies again; nothing is pinned any more."],
};

// `what` is `pause` or `resume`, or "" where it is about the endpoint `key`.
function ask(what, key) {
  acting = { ask: what, what: key };
  const [title, text] = TEXTS[what] || ["Overrule the registry", `${key}, on this load balancer`];
  put(at("t-act"), title);
  put(at("act-what"), text);
  at("l-how").hidden = !key;
  at("how").value = operator.overruled.some((one) => `${one.service}/${one.name}` === key) ? "undo" : "drain";
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

function order() {
  const how = acting.ask || at("how").value;
  const words = { ask: how, what: acting.what, why: at("why").value };
  if (at("for").value && how !== "resume" && how !== "undo") words.for_s = Number(at("for").value);
  if (how === "weight") words.weight = Number(at("weight").value);
  return JSON.stringify(words);
}

async function act(event) {
  event.preventDefault();
  const headers = { ...credentials(), "Content-Type": "application/json" };
  try {
    const answer = await fetch("actions", { method: "POST", body: order(), headers });
    const text = (await answer.text()).trim();
    if (answer.ok) {
      at("ask-act").close();
      put(at("did"), text);
    } else put(at("act-fault"), text);
    if (answer.status === 401) forgetToken();
  } catch {
    put(at("act-fault"), "The agent does not answer.");
  }
}

at("pause").addEventListener("click", () => ask("pause", ""));
at("resume").addEventListener("click", () => ask("resume", ""));
at("how").addEventListener("change", suit);
at("act-form").addEventListener("submit", act);
for (const place of ["services", "operator"]) {
  at(place).addEventListener("click", (event) => {
    const button = event.target.closest("button.act");
    if (button) ask("", button.dataset.key);
  });
}
document.querySelectorAll("dialog .close").forEach((one) => {
  one.addEventListener("click", () => one.closest("dialog").close());
});
