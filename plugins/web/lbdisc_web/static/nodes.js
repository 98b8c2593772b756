// Nodes of the page. All that is shown is text, so nothing from a registry becomes markup.

const LONG = 60; // characters from which a text may be cut

export const at = (id) => document.getElementById(id);

export function make(kind, text, classes) {
  const one = document.createElement(kind);
  if (text !== undefined && text !== null) one.textContent = String(text);
  if (classes) one.className = classes;
  return one;
}

// A text of others: what turns the writing ends with it.
export const isolated = (text, classes) => make("bdi", text, classes);

export function put(node, text) {
  const words = String(text);
  if (node.textContent !== words) node.textContent = words;
}

// A text that is cut where it is long: all of it is in the title.
export function clamp(node, text) {
  put(node, text);
  const long = text.length > LONG;
  node.classList.toggle("long", long);
  if (long) node.title = text;
  else node.removeAttribute("title");
  return node;
}

export function fill(node, ...children) {
  node.replaceChildren(...children.filter((one) => one !== null && one !== undefined));
}

// What `template` holds, anew.
export const copied = (template) => template.content.firstElementChild.cloneNode(true);
