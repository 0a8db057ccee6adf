// What is known of a generation, pass by pass. Pure data; the state after any pass can be asked.
export class Trace {
  constructor() {
    Object.assign(this, {
      kind: "",
      first: [],
      passes: [],
      end: null,
      error: null,
      started: false,
    });
  }

  /** A frame of the server. */
  add(frame) {
    if (frame.type === "start") {
      Object.assign(this, { kind: frame.kind, first: frame.places, started: true });
    } else if (frame.type === "pass") this.passes[frame.number - 1] = frame;
    else if (frame.type === "end") this.end = frame;
    else if (frame.type === "error") this.error = frame;
    this.known = null;
  }

  get isOver() {
    return Boolean(this.end || this.error);
  }

  /** Cells after so many passes: [{slot, text, logprob, pass}] in their order; `text` null: open,
   * `pass` 0: it stood there from the first. */
  cells(count) {
    const cells = new Map(
      this.first.map(([slot, text]) => [slot, { slot, text, logprob: null, pass: 0 }]),
    );
    let order = this.first.map(([slot]) => slot);
    for (const { number, writes, cleared, places } of this.passes.slice(0, count)) {
      for (const slot of cleared) cells.set(slot, { slot, text: null, logprob: null, pass: 0 });
      for (const { slot, text, logprob } of writes) {
        if (!cells.has(slot) && !places) order.push(slot);
        cells.set(slot, { slot, text, logprob, pass: number });
      }
      if (places) order = places;
    }
    return order.map((slot) => cells.get(slot) ?? { slot, text: null, logprob: null, pass: 0 });
  }

  /** Slots in their last order: the rows of a heat map. */
  get rows() {
    this.known ??= this.cells(this.passes.length).map(({ slot }) => slot);
    return this.known;
  }

  /** Of the first `count` passes: tokens, tokens a pass, milliseconds, nats of what was written. */
  sums(count) {
    const passes = this.passes.slice(0, count);
    const tokens = passes.reduce((sum, one) => sum + one.writes.length, 0);
    const written = this.cells(count).filter(({ pass, logprob }) => pass && logprob !== null);
    const nats = written.reduce((sum, { logprob }) => sum + logprob, 0);
    const timed = passes.every(({ ms }) => ms !== null);
    const ms = timed ? passes.reduce((sum, one) => sum + one.ms, 0) : null;
    return { passes: passes.length, tokens, nats, judged: written.length, ms };
  }

  text(count = this.passes.length) {
    return this.cells(count)
      .map(({ text }) => text ?? "")
      .join("");
  }
}
