// Buttons that copy the text of an element: shown where there is a clipboard, also those that come
// with a swapped part.
import { $, $$ } from "./dom.js";

const SHOWN_MS = 2000;

/** Shows the buttons, now and after every swap. */
export function bindCopyButtons() {
  if (!navigator.clipboard) return;
  const show = () => {
    for (const button of $$("[data-copy][hidden]")) button.hidden = false;
  };
  show();
  document.addEventListener("htmx:afterSettle", show);
  document.addEventListener("click", ({ target }) => {
    const button = target.closest?.("[data-copy]");
    if (button) copy(button);
  });
}

async function copy(button) {
  await navigator.clipboard.writeText($(button.dataset.copy).textContent);
  const words = button.textContent;
  button.textContent = "Copied";
  setTimeout(() => {
    button.textContent = words;
  }, SHOWN_MS);
}
