// Finding elements, and writing only what is not there yet: the same text or attribute anew would
// make the browser lay out and paint again.

export const $ = (selector, root = document) => root.querySelector(selector);
export const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];

export function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

export function put(element, name, value) {
  if (element.getAttribute(name) !== String(value)) element.setAttribute(name, value);
}

/** An element with a text and class names. */
export function element(tag, text = "", className = "") {
  const made = document.createElement(tag);
  made.textContent = text;
  if (className) made.className = className;
  return made;
}

/** The data of a `json_script`. */
export const data = (id) => JSON.parse(document.getElementById(id).textContent);

/** What works with JavaScript only is shown. */
export function showScripted() {
  for (const one of $$(".js-only")) one.hidden = false;
}
