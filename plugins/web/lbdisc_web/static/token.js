// The token: asked for in a dialog, and kept in memory alone until the page is closed.

import { at, put } from "./nodes.js";

let token = "";
let given = () => {};
let changed = () => {};

export const known = () => Boolean(token);
export const credentials = () => (token ? { Authorization: `Bearer ${token}` } : {});

// `work` is done whenever a token was given or forgotten.
export function whenTokenChanges(work) {
  changed = work;
}

export function forgetToken() {
  token = "";
  changed();
}

// Comes back once a token was given, or none will be.
export function needToken(why, fault) {
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
  changed();
});
at("ask-token").addEventListener("close", () => given());
at("unlock").addEventListener("click", () => needToken("It is kept in this page alone, until it is closed.", ""));
