// Regret: written tokens to which a later forward pass gives less than half and less than before.
// Asked once for every shown pass, and only where something is written.
import { tip } from "./state.js";

const key = document.querySelector("#regret-key");
const percent = (share) => `${(100 * share).toFixed(0)} %`;

export class Regret {
  constructor(address, ready) {
    Object.assign(this, { address, ready, at: "", known: new Map() });
  }

  forget() {
    this.at = "";
  }

  want(state, number, written) {
    const running = ["queued", "running"].includes(state.run?.status);
    const passed = state.heat.has(number) || (number === tip(state) && state.heat.has(number - 1));
    const at = written && !running && passed ? `${state.path}:${number}` : "none";
    if (at === this.at) return;
    this.at = at;
    if (at === "none") this.set(new Map());
    else this.load(at, state.path, number);
  }

  async load(at, branch, number) {
    const response = await fetch(`${this.address}step/${number}/regret/?branch=${branch}`).catch(() => null);
    if (!response?.ok || at !== this.at) return;
    const { slots } = await response.json();
    this.set(new Map(Object.entries(slots).map(([slot, shares]) => [Number(slot), shares])));
    this.ready();
  }

  set(known) {
    this.known = known;
    key.hidden = known.size === 0;
  }

  words(row) {
    const found = this.known.get(row.id);
    return found ? `, the model gives it ${percent(found[1])} now` : "";
  }
}
