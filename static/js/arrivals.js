// After a reconnect: how many steps were made meanwhile, said once they have come in.
import { toast } from "./toasts.js";

const QUIET = 400;

export class Arrivals {
  constructor() {
    Object.assign(this, { from: null, timer: null });
  }

  /** The line went (`up` false) or came back; `tip` is the newest step that is known. */
  line(up, tip) {
    if (!up) this.from ??= tip;
    else if (this.from !== null) this.came(tip);
  }

  came(tip) {
    if (this.from === null) return;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.tell(tip), QUIET);
  }

  tell(tip) {
    const missed = tip - this.from;
    this.from = null;
    if (missed > 0) toast("good", `Connected again: caught up ${missed} step${missed === 1 ? "" : "s"}.`);
  }
}
