// |A - B|: how far the probabilities of the shown tokens of two sides lie apart, at every position
// after every step. The shown token is the written one (with its probability when it was written)
// or, where a mask stands, the best guess of the forward pass at that step.
import { bytes, TABLE } from "./colours.js";
import { canvasAt, tip } from "./state.js";
import { glyphs } from "./text.js";

/** Slot → probability of the shown token after step `number`; what is not known is left out. */
function shownAt(state, number) {
  const text = state.heat.get(number);
  const heat = text ? bytes(text) : null;
  const found = new Map();
  for (const row of canvasAt(state, number)) {
    const guess = heat ? heat[row.pos] / 255 : null;
    const p = row.masked ? guess : row.p;
    if (!row.prompt && p !== null && p !== undefined) found.set(row.id, p);
  }
  return found;
}

/** Rows of numbers or null: [position][step]. A side that has ended stays as it is. */
export function difference(a, b) {
  const [endA, endB] = [tip(a), tip(b)];
  const order = canvasAt(a, endA)
    .filter((row) => !row.prompt)
    .map((row) => row.id);
  const grid = order.map(() => []);
  for (let number = 0; number <= Math.max(endA, endB); number += 1) {
    const [one, two] = [shownAt(a, Math.min(number, endA)), shownAt(b, Math.min(number, endB))];
    order.forEach((id, y) => {
      grid[y][number] = one.has(id) && two.has(id) ? Math.abs(one.get(id) - two.get(id)) : null;
    });
  }
  return { order, grid };
}

function paint(canvas, grid) {
  canvas.width = grid[0]?.length ?? 1;
  canvas.height = Math.max(1, grid.length);
  const image = canvas.getContext("2d").createImageData(canvas.width, canvas.height);
  for (const [y, row] of grid.entries()) {
    for (const [x, value] of row.entries()) {
      if (value === null) continue;
      image.data.set([...TABLE[Math.round(255 * value)], 255], 4 * (y * image.width + x));
    }
  }
  canvas.getContext("2d").putImageData(image, 0, 0);
}

function cell(row, text, number = true) {
  const made = row.insertCell();
  made.textContent = text;
  if (number) made.className = "num";
}

const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;

function shown(rows, id) {
  const row = rows.get(id);
  return !row ? "" : row.masked ? "masked" : glyphs(row.label);
}

function tabulate(body, { order, grid }, ends) {
  const rows = order.map((id, y) => {
    const row = document.createElement("tr");
    const known = grid[y].filter((value) => value !== null);
    const largest = known.length ? Math.max(...known) : null;
    cell(row, ends[0].get(id).pos);
    for (const end of ends) cell(row, shown(end, id), false);
    cell(row, known.length ? mean(known).toFixed(3) : "");
    cell(row, largest?.toFixed(3) ?? "");
    cell(row, largest === null ? "" : grid[y].indexOf(largest));
    return row;
  });
  body.replaceChildren(...rows);
}

const byId = (state) => new Map(canvasAt(state, tip(state)).map((row) => [row.id, row]));

/** Draw every pair's picture and table from the states of the sides (key → state). */
export function drawDifferences(states) {
  for (const figure of document.querySelectorAll("[data-pair]")) {
    const [a, b] = [...figure.dataset.pair].map((key) => states.get(key));
    const found = difference(a, b);
    const known = found.grid.flat().filter((value) => value !== null);
    paint(figure.querySelector("canvas"), found.grid);
    figure.querySelector("[data-mean]").textContent = known.length
      ? `mean ${mean(known).toFixed(3)}`
      : "";
    tabulate(figure.querySelector("tbody"), found, [byId(a), byId(b)]);
  }
}
