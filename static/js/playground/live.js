// An answer while it is made: tokens appended, or a canvas whose masked cells settle in place.
const MASK = "░";

function cell(text, masked) {
  const span = document.createElement("span");
  show(span, text, masked);
  return span;
}

function show(span, text, masked) {
  span.className = masked ? "m" : span.isConnected ? "fresh" : "";
  span.textContent = masked ? MASK : text;
}

const OPS = {
  commit: (cells, op) => cells.has(op.slot) && show(cells.get(op.slot), op.label, false),
  remask: (cells, op) => cells.has(op.slot) && show(cells.get(op.slot), "", true),
  delete: (cells, op) => {
    cells.get(op.slot)?.remove();
    cells.delete(op.slot);
  },
  insert: (cells, op) => {
    let after = cells.get(op.slot);
    for (const slot of op.new) {
      const fresh = cell("", true);
      cells.set(slot, fresh);
      after?.after(fresh);
      after = fresh;
    }
  },
};
OPS.edit = OPS.commit;

/** The bubble of an answer in the making; `turn` is its article. */
export class LiveAnswer {
  constructor(turn) {
    this.turn = turn;
    this.bubble = turn.querySelector("[data-live]");
    this.text = this.bubble.querySelector(".live-text");
    this.place = this.bubble.querySelector(".live-cells");
    this.prefix = this.bubble.dataset.prefix;
    this.cells = null;
    this.written = this.prefix;
  }

  /** Text by which the answer grew. `offset`: characters before it, so that a repeat is none. */
  token(token, offset) {
    if (offset < this.written.length) this.written = this.written.slice(0, offset);
    this.written += token;
    if (!this.cells) this.text.textContent = this.written;
  }

  draft({ canvas, prompt_length: start, ops }) {
    if (canvas) this.begin(canvas, start);
    if (!this.cells) return;
    for (const op of ops) OPS[op.op]?.(this.cells, op);
  }

  begin(canvas, start) {
    this.cells = new Map(canvas.slice(start).map((label, at) => [start + at, cell(label, true)]));
    this.place.replaceChildren(...this.cells.values());
    this.text.textContent = this.prefix;
  }

  count(written, most) {
    const place = this.turn.querySelector("[data-count]");
    if (place && most) place.textContent = `${written} / ${most} tokens`;
  }
}
