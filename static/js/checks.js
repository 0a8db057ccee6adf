// Which checks of its task a finished text holds: the server judges, once for each finished step.
import { $ } from "./dom.js";
import { Panel } from "./panel.js";

/** Milliseconds for which a step is looked at before it is asked for: not while one scrubs. */
const REST = 150;

export class Checks {
  constructor(address) {
    Object.assign(this, { address, at: "" });
    this.panel = new Panel($("#checks"), () => this.load());
  }

  /** `finished`: nothing is masked after the shown step and nothing is written any more. */
  draw(state, number, finished) {
    const { path, session } = state;
    const at = finished && !session.answer ? `step/${number}/checks/?branch=${path}` : "";
    if (at === this.at) return;
    this.at = at;
    clearTimeout(this.timer);
    if (at) this.timer = setTimeout(() => this.load(), REST);
    else this.panel.root.replaceChildren();
  }

  load() {
    if (this.at) this.panel.load(this.address + this.at);
  }
}
