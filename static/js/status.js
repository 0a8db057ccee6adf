// The status line, and the sparse announcements for screen readers: at most one in some seconds
// while a run goes on, at once when it ends.
import { $, write } from "./dom.js";
import { isRunning } from "./state.js";
import { toast } from "./toasts.js";

const FIRST = " Press Run to watch, or Forward pass to go step by step.";
const BEGUN = " The first step is being computed.";
const LOST = " Its distribution is no longer kept";
const AGAIN = "; run a forward pass to see it again";
const NEXT = " Choose a token to see its candidates, or press Auto-select.";

/** Words → the operations that they count; what only fills up a block is none. */
const CHANGES = [
  ["written", ["commit", "edit"]],
  ["masked again", ["remask"]],
  ["inserted", ["insert"]],
  ["removed", ["delete"]],
];

const size = (op) => (op.op === "insert" ? op.new.length : 1);

function count(ops, kinds) {
  const counted = ops.filter((op) => kinds.includes(op.op) && !op.surplus);
  return counted.reduce((sum, op) => sum + size(op), 0);
}

/** How many tokens a step wrote. */
export const written = (ops) => count(ops, ["commit", "edit"]);

/** `2 written, 1 removed`; what did not happen is left out, but for what was written. */
function changesOf(ops) {
  const counts = CHANGES.map(([name, kinds]) => [name, count(ops, kinds)]);
  const told = counts.filter(([, number]) => number).map(([name, number]) => `${number} ${name}`);
  return told.join(", ") || "0 written";
}

/** One sentence on the shown step; the same as visualizer/views/status.py, and
 * tests/data/twins/status.json has cases for both. `total`: places that are not the prompt's;
 * `verdicts`: what is right and wrong (see answers.js). */
export function sentence(state, { shown, tip, masked, total, readOnly, verdicts = "" }) {
  const step = state.steps.get(shown);
  const running = isRunning(state);
  const begun = tip ? "" : BEGUN;
  const hint = running ? begun : readOnly ? "" : state.heat.has(shown) ? NEXT : FIRST;
  const lost = state.thinned.has(shown) ? `${LOST}${readOnly ? "" : AGAIN}.` : "";
  if (!step) return `Start: ${masked} masked.${lost || hint}`;
  const end = running ? "" : ` of ${tip}`;
  const filled = `${total - masked} of ${total} filled${verdicts}`;
  const time = step.ms ? `, ${Math.round(step.ms)} ms` : "";
  return `Step ${shown}${end}: ${changesOf(step.ops)}, ${filled}${time}.${lost}`;
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
