// After a reconnect: how many steps were made meanwhile, said once they have come in.
const QUIET = 400;

export class MissedSteps {
  /** `tell(text)` is called once, a moment after the last of them. */
  constructor(tell, quiet = QUIET) {
    Object.assign(this, { tell, quiet, from: null, timer: null });
  }

  /** The connection went (`up` false) or came back; `tip` is the newest step that is known. */
  connected(up, tip) {
    if (!up) this.from ??= tip;
    else if (this.from !== null) this.stepped(tip);
  }

  stepped(tip) {
    if (this.from === null) return;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.settle(tip), this.quiet);
  }

  settle(tip) {
    const missed = tip - this.from;
    this.from = null;
    if (missed > 0)
      this.tell(`Connected again: caught up ${missed} step${missed === 1 ? "" : "s"}.`);
  }
}
