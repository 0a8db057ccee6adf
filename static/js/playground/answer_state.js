// An answer in the making, folded from its frames. Only what stands now is kept, so that a long
// answer needs no more memory than its text, and a bubble that is drawn later shows all of it.

export class AnswerState {
  /** `prefix`: the text that stood before the answer was written on. */
  constructor(prefix = "") {
    Object.assign(this, { prefix, text: prefix, cells: null, count: 0, most: 0 });
  }

  /** A `token` or `draft` frame. Repeats change nothing. */
  hear(frame) {
    if (frame.type === "token") this.token(frame);
    else this.draft(frame);
  }

  /** Text by which the answer grew; `offset`: characters before it. */
  token({ token, offset, token_count: count = 0, max_token_count: most = 0 }) {
    if (offset < this.text.length) this.text = this.text.slice(0, offset);
    this.text += token;
    Object.assign(this, { count, most });
  }

  /** What a step did to the canvas; the first one has the whole of it. */
  draft({ canvas, prompt_length: start, ops }) {
    if (canvas) {
      const places = canvas.slice(start);
      this.cells = places.map((_, at) => ({ slot: start + at, label: "", masked: true }));
    }
    if (!this.cells) return;
    for (const op of ops) OPS[op.op]?.(this, op);
    this.most = Math.max(this.most, this.cells.length);
    this.count = this.cells.filter((cell) => !cell.masked).length;
  }

  at(slot) {
    return this.cells.findIndex((cell) => cell.slot === slot);
  }

  write({ slot, label }, masked) {
    const at = this.at(slot);
    if (at >= 0) this.cells[at] = { slot, label: masked ? "" : label, masked };
  }
}

const OPS = {
  commit: (state, op) => state.write(op, false),
  edit: (state, op) => state.write(op, false),
  remask: (state, op) => state.write(op, true),
  delete: (state, { slot }) => {
    state.cells = state.cells.filter((cell) => cell.slot !== slot);
  },
  insert: (state, op) => {
    const made = op.new.map((slot) => ({ slot, label: "", masked: true }));
    state.cells.splice(state.at(op.slot) + 1, 0, ...made); // behind the prompt: at the front
  },
};

/** The answer after the first `count` drafts, of those that `drafts` tells. */
export function stateAfter(drafts, count, prefix = "") {
  const state = new AnswerState(prefix);
  for (const draft of drafts.slice(0, count)) state.draft(draft);
  return state;
}
