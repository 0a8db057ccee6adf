// The address of a new link is selected at once, and copied by a button.
import { $ } from "./dom.js";

export function bindAddress() {
  const [field, button] = [$("#address"), $("#copy-address")];
  if (!field) return;
  field.focus();
  field.select();
  button.hidden = !navigator.clipboard;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(field.value);
    button.textContent = "Copied";
  });
}
