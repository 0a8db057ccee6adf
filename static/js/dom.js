// Writing only what is not there yet: the same text or attribute anew would make the browser lay
// out and paint again.

export function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

export function put(element, name, value) {
  if (element.getAttribute(name) !== String(value)) element.setAttribute(name, value);
}
