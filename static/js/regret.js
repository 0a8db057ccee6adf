// Regret: written tokens to which a later forward pass gives less than half and less than before.
// Asked once for every shown pass, and only where something is written.
import { $ } from "./dom.js";
import { getJson } from "./requests.js";
import { isRunning, tip } from "./state.js";

/** Milliseconds for which a step is looked at before it is asked for: not while one scrubs. */
const REST = 150;

const percent = (share) => `${(100 * share).toFixed(0)} %`;

/** The step whose pass judges what is written after step `number`; "none" without one. */
export function judgedAt(state, number, written) {
  const passed = state.heat.has(number) || (number === tip(state) && state.heat.has(number - 1));
  return written && !isRunning(state) && passed ? `${state.path}:${number}` : "none";
}

export class Regret {
  constructor(address, { ready, failed }) {
    Object.assign(this, { address, ready, failed, at: "", known: new Map() });
    this.legend = $("#regret-key");
  }

  forget() {
    this.at = "";
  }

  want(state, number, written) {
    const at = judgedAt(state, number, written);
    if (at === this.at) return;
    this.at = at;
    clearTimeout(this.timer);
    this.set(new Map());
    if (at !== "none") this.timer = setTimeout(() => this.load(at, state.path, number), REST);
  }

  async load(at, branch, number) {
    try {
      const told = await getJson(`${this.address}step/${number}/regret/?branch=${branch}`);
      if (at !== this.at) return;
      this.set(new Map(Object.entries(told.slots).map(([slot, row]) => [Number(slot), row])));
    } catch (error) {
      this.failed(error);
    }
    this.ready();
  }

  set(known) {
    this.known = known;
    this.legend.hidden = known.size === 0;
  }

  words(row) {
    const found = this.known.get(row.id);
    return found ? `, the model gives it ${percent(found[1])} now` : "";
  }
}
