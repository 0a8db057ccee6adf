// The comparison page: each side's steps are folded in the browser, so that scrubbing one or all of
// them asks the server for nothing.
import { look, withAgain } from "./cells.js";
import { TABLE } from "./colours.js";
import { drawDifferences } from "./difference.js";
import { NONE, levelsAt } from "./levels.js";
import { canvasAt, fromSnapshot, tip } from "./state.js";

const $ = (selector, root = document) => root.querySelector(selector);
let sides = [];
let place = null;

class Side {
  constructor({ key, snapshot }) {
    this.key = key;
    this.root = $(`[data-side="${key}"]`);
    this.state = fromSnapshot(snapshot);
    this.tip = tip(this.state);
    this.levels = new Map([...this.state.heat.keys()].map((number) => [number, levelsAt(this.state, number)]));
    this.shown = this.tip;
    this.slider = $(".own", this.root);
    this.slider.addEventListener("input", () => { this.shown = this.slider.valueAsNumber; place = null; draw(); });
  }

  /** The rows that have a cell, at the shown step. */
  rows() {
    const cells = new Set([...this.root.querySelectorAll(".cell")].map((cell) => cell.dataset.slot));
    return withAgain(canvasAt(this.state, this.shown).filter((row) => cells.has(String(row.id))));
  }

  draw(differs) {
    const view = { number: this.shown, tip: this.tip, mode: "cells", colour: "confidence", staged: {}, ghosts: false };
    const cells = new Map([...this.root.querySelectorAll(".cell")].map((cell) => [cell.dataset.slot, cell]));
    for (const row of this.rows()) {
      const [names, text] = look(row, view);
      const cell = cells.get(String(row.id));
      cell.className = differs.has(row.id) ? `${names} differs` : names;
      cell.textContent = text;
    }
    this.slider.value = this.shown;
    $(".own-text", this.root).textContent = `step ${this.shown} / ${this.tip}`;
    this.drawHeat();
  }

  drawHeat() {
    const [canvas, rows] = [$("canvas", this.root), canvasAt(this.state, this.tip)];
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
    rows.forEach((row, y) => {
      const written = row.step && row.step <= number;
      const level = written ? Math.round(255 * (row.p ?? 1)) : levels[row.id];
      if (level === NONE) return;
      image.data.set([...TABLE[level], written ? 90 : 255], 4 * (y * image.width + number));
    });
  }
}

/** Slots where two sides have written different tokens. */
function differing() {
  const seen = new Map();
  if (!$("#comparison").dataset.alike) return new Set();
  for (const side of sides) {
    for (const row of canvasAt(side.state, side.shown)) {
      if (!row.masked) seen.set(row.id, (seen.get(row.id) ?? new Set()).add(row.token));
    }
  }
  return new Set([...seen].filter(([, tokens]) => tokens.size > 1).map(([id]) => id));
}

function draw() {
  const differs = differing();
  for (const side of sides) side.draw(differs);
}

/** All sides to the same step, or to the same share of their way. */
function together() {
  const all = $("#all-steps");
  place = all.valueAsNumber;
  const share = $("#share").checked ? place / Math.max(1, Number(all.max)) : null;
  for (const side of sides) side.shown = share === null ? Math.min(side.tip, place) : Math.round(share * side.tip);
  $("#all-steps-text").textContent = share === null ? `step ${place}` : `${Math.round(100 * share)} %`;
  draw();
}

function begin() {
  const data = $("#sides");
  if (!data) return;
  for (const hidden of document.querySelectorAll(".js-only")) hidden.hidden = false;
  sides = JSON.parse(data.textContent).map((one) => new Side(one));
  drawDifferences(new Map(sides.map((side) => [side.key, side.state])));
  const all = $("#all-steps");
  if (place !== null) all.value = Math.min(place, Number(all.max));
  all.addEventListener("input", together);
  $("#share").addEventListener("change", together);
  if (place === null) draw();
  else together();
}

document.addEventListener("htmx:afterSettle", (event) => event.target.id === "comparison" && begin());
begin();
