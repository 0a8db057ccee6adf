// Answers while they are made: text that grows, or a canvas whose masked cells settle in place.
// Frames change a state; what has changed is drawn once a frame of the screen, and not at all while
// the tab is in the background.
import { $, element, write } from "../dom.js";
import { AnswerState } from "./answer_state.js";

const MASK = "░";

/** The cells of a canvas in an element: only those that have changed are written. */
export class Cells {
  constructor(place) {
    this.place = place;
    this.spans = new Map();
  }

  draw(cells) {
    const kept = new Set(cells.map((cell) => cell.slot));
    for (const [slot, span] of this.spans) {
      if (kept.has(slot)) continue;
      span.remove();
      this.spans.delete(slot);
    }
    let before = null;
    for (const cell of cells) before = this.cell(cell, before);
  }

  cell({ slot, label, masked }, before) {
    const text = masked ? MASK : label;
    let span = this.spans.get(slot);
    if (!span) {
      span = element("span", text, masked ? "m" : "");
      this.spans.set(slot, span);
      if (before) before.after(span);
      else this.place.prepend(span);
    } else if (span.textContent !== text) {
      span.textContent = text;
      span.className = masked ? "m" : "fresh";
    }
    return span;
  }
}

/** The bubble of an answer in the making; `turn` is its article. */
export class LiveAnswer {
  constructor(turn) {
    this.turn = turn;
    this.text = $(".live-text", turn);
    this.cells = new Cells($(".live-cells", turn));
    this.count = $("[data-count]", turn);
  }

  draw(state) {
    if (state.cells) {
      write(this.text, state.prefix);
      this.cells.draw(state.cells);
    } else this.grow(state.text);
    if (state.most) write(this.count, `${state.count} / ${state.most} tokens`);
  }

  /** Appends what is new: the text that stands is not laid out again as another one. */
  grow(text) {
    const node = this.text.firstChild;
    const length = node?.data?.length ?? 0;
    if (length && text.startsWith(node.data)) node.appendData(text.slice(length));
    else write(this.text, text);
  }
}

/** All answers in the making of a page. `drawn()` is called after each drawing. */
export class LiveAnswers {
  constructor(drawn) {
    this.drawn = drawn;
    this.states = new Map();
    this.views = new Map();
    this.changed = new Set();
    this.waiting = 0;
  }

  begin(id, prefix) {
    this.states.set(id, new AnswerState(prefix));
  }

  hear(frame) {
    const id = frame.message_id;
    if (!this.states.has(id)) this.begin(id, "");
    this.states.get(id).hear(frame);
    this.touch(id);
  }

  /** An answer's bubble is on the page. */
  show(id, turn) {
    if (this.views.get(id)?.turn === turn) return;
    this.views.set(id, new LiveAnswer(turn));
    this.touch(id);
  }

  touch(id) {
    this.changed.add(id);
    this.waiting ||= requestAnimationFrame(() => this.draw());
  }

  draw() {
    this.waiting = 0;
    for (const id of this.changed) {
      const state = this.states.get(id);
      if (state) this.views.get(id)?.draw(state);
    }
    this.changed.clear();
    this.drawn();
  }

  end(id) {
    this.states.delete(id);
    this.views.delete(id);
  }

  clear() {
    this.states.clear();
  }
}
