// Heat map: rows are positions, columns are steps, one pixel each, scaled by the browser. Column n
// is the distribution after step n; written places are pale, a white tick marks where it happened.
import { TABLE } from "./colours.js";
import { $ } from "./dom.js";
import { bySlot, levelsAt, NONE } from "./levels.js";
import { placesAt } from "./state.js";

const PALE = 90;
const STEPS = 2 ** 20; // more than a path has: slot and step make one number
const WHITE = 0xffffffff;
const LINES = 16; // columns and rows that are put by themselves
// A pixel of an ImageData as one 32-bit number; browsers' machines are little-endian.
const packed = (alpha) =>
  Uint32Array.from(TABLE, ([r, g, b]) => (alpha << 24) | (b << 16) | (g << 8) | r);
const COLOURS = packed(255);
const PALE_COLOURS = packed(PALE);

export class Heat {
  /** `onPick(step, position)` after a click; `passes`: the numbers of the passes, see passes.js. */
  constructor(onPick, passes) {
    Object.assign(this, { passes, levels: new Map(), base: "", drawn: new Map() });
    this.frame = $(".heat-frame");
    this.picture = $("#heat");
    this.lines = $("#heat-lines");
    this.tip = $("#tip");
    this.listen(onPick);
  }

  listen(onPick) {
    this.lines.addEventListener("click", (event) => onPick(...this.placeAt(event)));
    this.lines.addEventListener("mousemove", (event) => this.hover(event));
    this.lines.addEventListener("mouseleave", () => {
      this.tip.hidden = true;
    });
    new ResizeObserver(() => this.fit()).observe(this.frame);
    new MutationObserver(() => this.fit()).observe(document.documentElement, { attributes: true });
  }

  /** `rows`: the newest canvas with the step of each position; `state`: heat by step; `chosen`: a
   * slot's id. */
  draw(state, rows, columns, shown, chosen) {
    Object.assign(this, { rows, columns, shown, chosen, state });
    const base = `${state.path}|${rows.length}|${columns}`;
    if (base !== this.base) this.blank();
    this.base = base;
    this.paint();
    this.overlay();
  }

  text(number) {
    return this.passes.heat(this.state, number);
  }

  /** Levels by slot; kept, as the steps behind a column of a path never change. */
  column(number) {
    const text = this.state && this.text(number);
    if (!text) return null;
    if (this.other?.number === number) return this.other.levels;
    const known = this.levels.get(number);
    if (known?.text === text && known.path === this.state.path) return known.levels;
    const levels = levelsAt(this.state, number, text);
    this.levels.set(number, { text, path: this.state.path, levels });
    return levels;
  }

  /** Show a column under other settings than those of its pass; null takes that back. */
  override(number, best = null) {
    for (const known of [this.other?.number, number]) this.drawn.delete(known);
    const levels = number === null ? null : bySlot(this.state, number, (place) => best.get(place));
    this.other = levels && { number, levels };
  }

  blank() {
    this.picture.width = this.columns;
    this.picture.height = Math.max(1, this.rows.length);
    this.image = new ImageData(this.picture.width, this.picture.height);
    this.pixels = new Uint32Array(this.image.data.buffer);
    this.drawn = new Map();
    this.written = new Float64Array(this.rows.length).fill(-1);
  }

  /** Only what has changed: columns with another pass, rows that were written or moved since. */
  paint() {
    const columns = [];
    for (let x = 0; x < this.columns; x += 1) {
      const text = this.text(x);
      if (this.drawn.has(x) && this.drawn.get(x) === text) continue;
      this.drawn.set(x, text);
      columns.push(x);
    }
    const rows = this.changedRows();
    if (!columns.length && !rows.length) return;
    const written = this.writtenRows();
    for (const x of columns)
      this.paintColumn(x, this.state.heat.has(x) ? this.rows.keys() : written);
    for (let x = 0; rows.length && x < this.columns; x += 1) this.paintColumn(x, rows);
    this.put(columns, rows);
  }

  /** A few lines are put one by one: the whole picture of a long run weighs megabytes. */
  put(columns, rows) {
    const context = this.picture.getContext("2d");
    const { width, height } = this.image;
    const put = (...part) => context.putImageData(this.image, 0, 0, ...part);
    if (columns.length + rows.length > LINES) return put(0, 0, width, height);
    for (const x of columns) put(x, 0, 1, height);
    for (const y of rows) put(0, y, width, 1);
  }

  /** All that a column without a pass shows: a long run begins with a thousand of them. */
  writtenRows() {
    return [...this.rows.keys()].filter((y) => !this.rows[y].masked);
  }

  /** Rows whose slot or step of writing is not the one that was drawn. */
  changedRows() {
    const changed = [];
    this.rows.forEach((row, y) => {
      const now = row.id * STEPS + (row.masked ? 0 : row.step || 0);
      if (this.written[y] !== now) changed.push(y);
      this.written[y] = now;
    });
    return changed;
  }

  paintColumn(x, places) {
    const levels = this.column(x);
    for (const y of places)
      this.pixels[y * this.columns + x] = this.colour(this.rows[y], x, levels);
  }

  colour(row, x, levels) {
    const written = !row.masked && row.step && row.step <= x;
    if (written && row.step === x) return WHITE;
    const level = written ? Math.round(255 * (row.p ?? 1)) : (levels?.[row.id] ?? NONE);
    if (level === NONE) return 0;
    return (written ? PALE_COLOURS : COLOURS)[level];
  }

  /** The frame's size in device pixels, read only when it changes: reading costs a layout. */
  fit() {
    const ratio = window.devicePixelRatio || 1;
    this.size = [this.frame.clientWidth, this.frame.clientHeight];
    [this.lines.width, this.lines.height] = this.size.map((side) => side * ratio);
    this.lines.getContext("2d").scale(ratio, ratio);
    this.ink = getComputedStyle(document.documentElement).getPropertyValue("--mark");
    this.lined = "";
    this.overlay();
  }

  overlay() {
    if (!this.rows || !this.size) return;
    const y = this.rows.findIndex((row) => row.id === this.chosen);
    const lined = `${this.shown}|${this.columns}|${y}|${this.rows.length}`;
    if (lined === this.lined) return;
    this.lined = lined;
    const [width, height] = this.size;
    const context = this.lines.getContext("2d");
    context.clearRect(0, 0, width, height);
    context.strokeStyle = this.ink;
    context.lineWidth = 2;
    const x = ((this.shown + 0.5) / this.columns) * width;
    if (this.columns > 1) context.strokeRect(x, -2, 0, height + 4);
    if (y < 0) return;
    const size = Math.max(3, height / this.rows.length);
    context.lineWidth = 1;
    context.strokeRect(0.5, (y / this.rows.length) * height, width - 1, size);
  }

  cellAt(event) {
    const box = this.lines.getBoundingClientRect();
    const part = (value, size, count) =>
      Math.max(0, Math.min(count - 1, Math.floor((value / size) * count)));
    const x = part(event.clientX - box.left, box.width, this.columns);
    const y = part(event.clientY - box.top, box.height, this.rows.length);
    return [x, this.rows[y]];
  }

  /** [step, position that the slot had then]: undefined if it was not there. */
  placeAt(event) {
    const [x, row] = this.cellAt(event);
    return [x, placesAt(this.state, x).get(row?.id)];
  }

  hover(event) {
    this.tip.textContent = this.words(...this.cellAt(event));
    this.tip.hidden = false;
    const box = this.frame.getBoundingClientRect();
    const right = box.width - this.tip.offsetWidth - 4;
    this.tip.style.left = `${Math.min(event.clientX - box.left + 10, right)}px`;
    this.tip.style.top = `${Math.min(event.clientY - box.top + 12, box.height - 24)}px`;
  }

  words(x, row) {
    const pos = placesAt(this.state, x).get(row?.id);
    if (pos === undefined) return `step ${x}: not there yet`;
    const level = this.column(x)?.[row.id] ?? NONE;
    const chance = level === NONE ? "no pass" : `best ${(level / 2.55).toFixed(0)} %`;
    return `step ${x}, position ${pos}: ${!row.masked && row.step <= x ? "written" : chance}`;
  }
}
