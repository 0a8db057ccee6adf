// The comparison page: each side's steps are folded in the browser, so that scrubbing one or all of
// them asks the server for nothing.
import { TABLE } from "./colours.js";
import { drawDifferences } from "./difference.js";
import { $, $$, data, showScripted } from "./dom.js";
import { levelsAt, NONE } from "./levels.js";
import { look } from "./look.js";
import { markedAt } from "./rows.js";
import { canvasAt, fromSnapshot, tip } from "./state.js";

const WRITTEN = 90;

/** Slots where two of some canvases hold different written tokens. */
export function differing(canvases) {
  const seen = new Map();
  for (const row of canvases.flat()) {
    if (!row.masked) seen.set(row.id, (seen.get(row.id) ?? new Set()).add(row.token));
  }
  return new Set([...seen].filter(([, tokens]) => tokens.size > 1).map(([id]) => id));
}

/** The step of a side with `tip` steps at `place` of all; `share`: by its share of `longest`. */
export function stepOf(tip, place, longest, share) {
  return share ? Math.round((place / Math.max(1, longest)) * tip) : Math.min(tip, place);
}

class Side {
  /** `moved()` is called when the side's own slider was. */
  constructor({ key, snapshot }, moved) {
    this.key = key;
    this.root = $(`[data-side="${key}"]`);
    this.state = fromSnapshot(snapshot);
    this.tip = tip(this.state);
    this.levels = [...this.state.heat.keys()].map((at) => [at, levelsAt(this.state, at)]);
    this.cells = new Map($$(".cell", this.root).map((cell) => [cell.dataset.slot, cell]));
    this.shown = this.tip;
    this.slider = $(".own", this.root);
    this.slider.addEventListener("input", () => {
      this.shown = this.slider.valueAsNumber;
      moved();
    });
  }

  canvas() {
    return canvasAt(this.state, this.shown);
  }

  draw(differs) {
    const at = { number: this.shown, tip: this.tip, mode: "cells", colour: "confidence" };
    const view = { ...at, staged: {}, guesses: false };
    for (const row of markedAt(this.state, this.shown)) {
      const cell = this.cells.get(String(row.id));
      if (!cell) continue;
      const [names, text] = look(row, view);
      cell.className = differs.has(row.id) ? `${names} differs` : names;
      cell.textContent = text;
    }
    this.slider.value = this.shown;
    $(".own-text", this.root).textContent = `step ${this.shown} / ${this.tip}`;
    this.drawHeat();
  }

  drawHeat() {
    const rows = canvasAt(this.state, this.tip).filter((row) => !row.prompt);
    const canvas = $("canvas", this.root);
    canvas.width = this.tip + 1;
    canvas.height = rows.length;
    const context = canvas.getContext("2d");
    const image = context.createImageData(canvas.width, canvas.height);
    for (const [number, levels] of this.levels) this.column(image, number, levels, rows);
    context.putImageData(image, 0, 0);
    context.fillStyle = getComputedStyle(canvas).getPropertyValue("--mark");
    context.fillRect(this.shown, 0, 0.4, rows.length);
  }

  column(image, number, levels, rows) {
    if (number > this.tip) return;
    for (const [y, row] of rows.entries()) {
      const written = row.step && row.step <= number;
      const level = written ? Math.round(255 * (row.p ?? 1)) : levels[row.id];
      if (level === NONE) continue;
      const pixel = [...TABLE[level], written ? WRITTEN : 255];
      image.data.set(pixel, 4 * (y * image.width + number));
    }
  }
}

class Comparison {
  constructor() {
    this.place = null;
  }

  /** The page's sides as they are now: htmx swaps them while runs go on. */
  open() {
    if (!$("#sides")) return;
    showScripted();
    this.sides = data("sides").map((one) => new Side(one, () => this.apart()));
    drawDifferences(new Map(this.sides.map((side) => [side.key, side.state])));
    this.all = $("#all-steps");
    if (this.place !== null) this.all.value = Math.min(this.place, Number(this.all.max));
    for (const input of [this.all, $("#share")]) {
      input.addEventListener("input", () => this.together());
    }
    if (this.place === null) this.draw();
    else this.together();
  }

  /** One side went its own way. */
  apart() {
    this.place = null;
    this.draw();
  }

  /** All sides to the same step, or to the same share of their way. */
  together() {
    this.place = this.all.valueAsNumber;
    const longest = Number(this.all.max);
    const share = $("#share").checked;
    for (const side of this.sides) side.shown = stepOf(side.tip, this.place, longest, share);
    const percent = Math.round((100 * this.place) / Math.max(1, longest));
    $("#all-steps-text").textContent = share ? `${percent} %` : `step ${this.place}`;
    this.draw();
  }

  draw() {
    const alike = $("#comparison").dataset.alike;
    const differs = differing(alike ? this.sides.map((side) => side.canvas()) : []);
    for (const side of this.sides) side.draw(differs);
  }
}

export function openComparison() {
  const comparison = new Comparison();
  document.addEventListener("htmx:afterSettle", (event) => {
    if (event.target.id === "comparison") comparison.open();
  });
  comparison.open();
}
