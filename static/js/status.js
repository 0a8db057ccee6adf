// The status line, and the sparse announcements for screen readers: at most one in five seconds
// while a run goes on, at once when it ends.
import { write } from "./dom.js";

const line = document.querySelector("#status");
const voice = document.querySelector("#announce");
const EVERY = 1000 * Number(document.body.dataset.announce ?? 5);
const name = document.title;
const FIRST = " Press Forward pass to see what the model expects.";
const NEXT = " Choose a token to see its candidates, or press Auto-select.";
const READ_ONLY = document.body.classList.contains("read-only");
let last = 0;

/** The sentence of visualizer/views/workspace.py `status_line`. */
export function sentence(state, shown, tip, masked) {
  const step = state.steps.get(shown);
  if (!step) return `Start: ${masked} masked.${READ_ONLY ? "" : state.heat.has(shown) ? NEXT : FIRST}`;
  const time = step.ms ? `, ${Math.round(step.ms)} ms` : "";
  const written = step.ops.filter((op) => op.op === "commit" || op.op === "edit").length;
  return `Step ${shown} of ${tip}: ${written} written, ${masked} masked${time}.`;
}

export function showStatus(text, running, share) {
  write(line, text);
  const title = running ? `${Math.round(100 * share)} % · ${name}` : name;
  if (document.title !== title) document.title = title;
  if (running && Date.now() - last > EVERY) announce(text);
}

export function announce(text) {
  last = Date.now();
  voice.textContent = text;
}
