// The line to the agent: server-sent events, read by a request that can carry the token.

import { at, put } from "./nodes.js";
import { credentials, forgetToken, known, needToken } from "./token.js";

const SILENT = 25000; // milliseconds after which the agent is thought gone: it speaks every ten seconds
const LONGEST = 8000; // milliseconds between two tries

function line(state, text) {
  at("line").dataset.state = state;
  put(at("line"), text);
}

// Goes on for ever. `take` is given each event; `have` is the number of the document that the page has already.
export async function stay(take, have) {
  let path = have ? `events?have=${have}` : "events";
  for (let wait = 500; ; wait = Math.min(2 * wait, LONGEST)) {
    const began = Date.now();
    let again = false;
    try {
      again = await listen(path, take);
      line("lost", "connection lost, trying again");
    } catch (error) {
      line("lost", error instanceof TypeError ? "connection lost, trying again" : error.message);
    }
    path = "events"; // whatever the page has is old by now
    if (again || Date.now() - began > 10000) wait = 250;
    await new Promise((resolve) => { setTimeout(resolve, wait * (0.75 + Math.random() / 2)); });
  }
}

// Returns whether it is worth trying again at once.
async function listen(path, take) {
  const answer = await fetch(path, { headers: credentials(), cache: "no-store" });
  if (answer.status === 401) {
    const fault = known() ? "That was not it." : "";
    forgetToken();
    line("lost", "locked");
    await needToken("This page is seen by others: it asks for the token of [web].", fault);
    return true;
  }
  if (!answer.ok) throw new Error((await answer.text()).trim());
  await read(answer.body.pipeThrough(new TextDecoderStream()).getReader(), take);
  return false;
}

async function read(reader, take) {
  let waiting = "";
  let heard = Date.now();
  const watch = setInterval(() => { if (Date.now() - heard > SILENT) reader.cancel(); }, 5000);
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
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
