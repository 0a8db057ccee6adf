// Heat map: rows are positions, columns are steps, one pixel each, scaled by the browser. Column n
// is the distribution after step n; written places are pale, a white tick marks where it happened.
import { TABLE, bytes } from "./colours.js";

const PALE = 90;
const frame = document.querySelector(".heat-frame");
const picture = document.querySelector("#heat");
const lines = document.querySelector("#heat-lines");
const tip = document.querySelector("#tip");

export class Heat {
  constructor(onPick) {
    this.decoded = new Map();
    this.key = "";
    lines.addEventListener("click", (event) => onPick(...this.cellAt(event)));
    lines.addEventListener("mousemove", (event) => this.hover(event));
    lines.addEventListener("mouseleave", () => { tip.hidden = true; });
    new ResizeObserver(() => this.overlay()).observe(frame);
  }

  /** `rows`: the newest canvas with the step of each position; `state`: heat by step. */
  draw(state, rows, columns, shown, pos) {
    Object.assign(this, { rows, columns, shown, pos, state });
    const key = `${state.path}|${rows.length}|${columns}|${state.heat.size}|${state.number}`;
    if (key !== this.key) this.paint();
    this.key = key;
    this.overlay();
  }

  column(number) {
    const text = this.state.heat.get(number);
    if (!text) return null;
    if (this.other?.number === number) return { at: (pos) => this.other.best.get(pos) };
    const known = this.decoded.get(number);
    if (known?.text === text) return known.bytes;
    this.decoded.set(number, { text, bytes: bytes(text) });
    return this.decoded.get(number).bytes;
  }

  /** Show a column under other settings than those of its pass; null takes that back. */
  override(number, best = null) {
    this.other = number === null ? null : { number, best };
    this.key = "";
  }

  paint() {
    const { rows, columns } = this;
    picture.width = columns;
    picture.height = Math.max(1, rows.length);
    const context = picture.getContext("2d");
    const image = context.createImageData(columns, Math.max(1, rows.length));
    for (let x = 0; x < columns; x += 1) this.paintColumn(image, x, this.column(x));
    context.putImageData(image, 0, 0);
  }

  paintColumn(image, x, heat) {
    this.rows.forEach((row, y) => {
      const at = 4 * (y * image.width + x);
      const written = !row.masked && row.step && row.step <= x;
      if (written && row.step === x) return image.data.set([255, 255, 255, 255], at);
      const level = written ? Math.round(255 * (row.p ?? 1)) : heat?.at(row.pos);
      if (level === undefined) return;
      image.data.set([...TABLE[level], written ? PALE : 255], at);
    });
  }

  overlay() {
    if (!this.rows) return;
    const ratio = window.devicePixelRatio || 1;
    const { clientWidth: width, clientHeight: height } = frame;
    lines.width = width * ratio;
    lines.height = height * ratio;
    const context = lines.getContext("2d");
    context.scale(ratio, ratio);
    context.strokeStyle = getComputedStyle(document.documentElement).getPropertyValue("--mark");
    context.lineWidth = 2;
    const x = ((this.shown + 0.5) / this.columns) * width;
    context.strokeRect(x, -2, 0, height + 4);
    const y = this.rows.findIndex((row) => row.pos === this.pos);
    if (y < 0) return;
    const size = Math.max(3, height / this.rows.length);
    context.lineWidth = 1;
    context.strokeRect(0.5, (y / this.rows.length) * height, width - 1, size);
  }

  cellAt(event) {
    const box = lines.getBoundingClientRect();
    const part = (value, size, count) => Math.max(0, Math.min(count - 1, Math.floor((value / size) * count)));
    const x = part(event.clientX - box.left, box.width, this.columns);
    const y = part(event.clientY - box.top, box.height, this.rows.length);
    return [x, this.rows[y]?.pos];
  }

  hover(event) {
    const [x, pos] = this.cellAt(event);
    const level = this.column(x)?.at(pos);
    const row = this.rows.find((one) => one.pos === pos);
    const written = row && !row.masked && row.step <= x;
    const chance = level === undefined ? "no pass" : `best ${(level / 2.55).toFixed(0)} %`;
    tip.textContent = `step ${x}, position ${pos}: ${written ? "written" : chance}`;
    tip.hidden = false;
    const box = frame.getBoundingClientRect();
    tip.style.left = `${Math.min(event.clientX - box.left + 10, box.width - tip.offsetWidth - 4)}px`;
    tip.style.top = `${Math.min(event.clientY - box.top + 12, box.height - 24)}px`;
  }
}
