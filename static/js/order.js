// Order of unmasking: a dot for every written position, across by step, down by position, and how
// far the order was from left to right (Kendall's tau-b, ties in the step counted as ties).
import { $ } from "./dom.js";

const SVG = "http://www.w3.org/2000/svg";
const TAU = "Kendall's τ of position and step";
/** Room at the edges, so that no dot is cut. */
const EDGE = 1.5;
const SCALE = "(1 = left to right, 0 = no order, −1 = right to left)";

/** Kendall's tau-b of pairs [position, step]; null if there is no order to speak of. The same as
 * `kendall` of visualizer/selectors/measures.py; tests/data/twins/kendall.json has cases. */
export function kendall(pairs) {
  let [sum, first, second] = [0, 0, 0];
  for (let i = 0; i < pairs.length; i += 1) {
    for (let j = 0; j < i; j += 1) {
      const a = Math.sign(pairs[i][0] - pairs[j][0]);
      const b = Math.sign(pairs[i][1] - pairs[j][1]);
      sum += a * b;
      first += a * a;
      second += b * b;
    }
  }
  return first && second ? sum / Math.sqrt(first * second) : null;
}

/** A round mark whatever the plot's proportions are: a line without length, its ends round. */
function dot(x, y, hand) {
  const mark = document.createElementNS(SVG, "path");
  mark.setAttribute("d", `M${x.toFixed(2)} ${y.toFixed(2)}h0`);
  if (hand) mark.setAttribute("class", "by-hand");
  return mark;
}

export class Order {
  constructor() {
    this.plot = $("#order");
    this.words = $("#order-words");
  }

  /** `rows`: the newest canvas; drawn again only when something was written. */
  draw(rows, columns) {
    const written = rows.filter((row) => !row.masked && row.step);
    const key = `${columns}|${written.map((row) => row.step).join()}`;
    if (key === this.key) return;
    this.key = key;
    const height = Number(this.plot.dataset.height);
    const places = new Map(rows.map((row, place) => [row, place]));
    const marks = written.map((row) => {
      const y = EDGE + ((places.get(row) + 0.5) / rows.length) * (height - 2 * EDGE);
      const x = EDGE + ((row.step + 0.5) / columns) * (100 - 2 * EDGE);
      return dot(x, y, row.by === "hand");
    });
    this.plot.replaceChildren($("title", this.plot), ...marks);
    const tau = kendall(written.map((row) => [row.pos, row.step]));
    const told = tau === null ? "" : `${TAU}: ${tau.toFixed(2)} ${SCALE}`;
    this.words.textContent = told || "Nothing is written yet.";
  }
}
