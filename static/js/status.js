// The status line, and the sparse announcements for screen readers: at most one in some seconds
// while a run goes on, at once when it ends.
import { $, write } from "./dom.js";
import { toast } from "./toasts.js";

const FIRST = " Press Forward pass to see what the model expects.";
const NEXT = " Choose a token to see its candidates, or press Auto-select.";

/** One sentence on the shown step; the same as `status_line` of visualizer/views/workspace.py,
 * and tests/data/twins/status.json has cases for both. */
export function sentence(state, { shown, tip, masked, readOnly }) {
  const step = state.steps.get(shown);
  const hint = readOnly ? "" : state.heat.has(shown) ? NEXT : FIRST;
  if (!step) return `Start: ${masked} masked.${hint}`;
  const time = step.ms ? `, ${Math.round(step.ms)} ms` : "";
  const written = step.ops.filter((op) => op.op === "commit" || op.op === "edit").length;
  return `Step ${shown} of ${tip}: ${written} written, ${masked} masked${time}.`;
}

export class Status {
  constructor() {
    this.line = $("#status");
    this.note = $("#note");
    this.voice = $("#announce");
    this.every = 1000 * Number(document.body.dataset.announce ?? 5);
    this.title = document.title;
    this.last = 0;
  }

  /** `share` of the canvas is written: it stands in the title while a run goes on. */
  show(text, running, share) {
    write(this.line, text);
    const title = running ? `${Math.round(100 * share)} % · ${this.title}` : this.title;
    if (document.title !== title) document.title = title;
    if (running && Date.now() - this.last > this.every) this.announce(text);
  }

  /** A remark beside the line; it goes with the next pass or step. */
  remark(text) {
    write(this.note, text);
  }

  announce(text) {
    this.last = Date.now();
    this.voice.textContent = text;
  }

  /** For what cannot be done: said aloud and shown. */
  refuse(reason) {
    this.announce(reason);
    toast("info", reason);
  }
}
