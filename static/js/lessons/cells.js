// The cells of a lesson: buttons with one tab stop and arrow keys; a chosen one is told about.
import { bin } from "../colours.js";
import { $$, element, put, write } from "../dom.js";
import { cellText, glyphs } from "../text.js";

const KEYS = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: "row", ArrowUp: "-row" };

const FLAGS = {
  given: (row) => row.given,
  masked: (row) => row.masked,
  now: (row, step) => !row.masked && row.step === step && step > 0,
  reopened: (row) => row.reopened,
  added: (row) => row.added,
};

const END = { "<|endoftext|>": "∎" };

function namesOf(row, step, wrong) {
  const flags = Object.keys(FLAGS).filter((name) => FLAGS[name](row, step));
  const shade = row.given || row.masked || row.p == null ? [] : [`bin-${bin(row.p)}`];
  return ["lesson-cell", ...flags, ...shade, ...(wrong ? ["wrong"] : [])].join(" ");
}

/** A cell in words. */
export function wordsOf(row, at, wrong) {
  if (row.masked) return `Place ${at + 1}: masked${row.reopened ? ", opened again" : ""}`;
  const text = `Place ${at + 1}: ${glyphs(row.label)}`;
  if (row.given) return `${text}, given`;
  const chance = row.p == null ? "" : ` at ${(100 * row.p).toFixed(1)} %`;
  return `${text}, written in step ${row.step}${chance}${wrong ? ", wrong" : ""}`;
}

export class LessonCells {
  /** `chosen(at)` is called when a cell is chosen. */
  constructor(root, chosen) {
    Object.assign(this, { root, chosen, at: 0 });
    root.replaceChildren();
    root.addEventListener("click", ({ target }) => this.choose(this.cells.indexOf(target)));
    root.addEventListener("keydown", (event) => this.key(event));
  }

  get cells() {
    return $$("button", this.root);
  }

  choose(at) {
    if (at < 0) return;
    this.at = at;
    this.picked = at;
    this.mark();
    this.chosen(at);
  }

  key(event) {
    const move = KEYS[event.key];
    if (move === undefined) return;
    event.preventDefault();
    const { cells } = this;
    const by = { row: this.columns(cells), "-row": -this.columns(cells) }[move] ?? move;
    const next = Math.max(0, Math.min(cells.length - 1, this.at + by));
    this.choose(next);
    cells[next].focus();
  }

  columns(cells) {
    const next = cells.findIndex((cell) => cell.offsetTop !== cells[0].offsetTop);
    return next < 1 ? cells.length : next;
  }

  draw(rows, step, wrong) {
    const { cells } = this;
    for (const extra of cells.slice(rows.length)) extra.remove();
    for (const [at, row] of rows.entries()) {
      const cell = cells[at] ?? this.root.appendChild(element("button"));
      cell.type = "button";
      put(cell, "class", namesOf(row, step, wrong.has(at)));
      write(cell, row.masked ? "·" : (END[row.label] ?? cellText(row.label)));
      put(cell, "aria-label", wordsOf(row, at, wrong.has(at)));
    }
    this.at = Math.min(this.at, rows.length - 1);
    this.mark();
  }

  mark() {
    for (const [at, cell] of this.cells.entries()) {
      put(cell, "tabindex", at === this.at ? 0 : -1);
      put(cell, "aria-pressed", String(at === this.picked));
    }
  }
}
