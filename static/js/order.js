// Order of unmasking: a dot for every written position, across by step, down by position, and how
// far the order was from left to right (Kendall's tau-b, ties in the step counted as ties).
const SVG = "http://www.w3.org/2000/svg";
const plot = document.querySelector("#order");
const words = document.querySelector("#order-words");

/** Kendall's tau-b of pairs [position, step]; null if there is no order to speak of. */
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

/** A round mark whatever the plot's proportions are: a line without length and a thick, round end. */
function dot(x, y, hand) {
  const mark = document.createElementNS(SVG, "path");
  mark.setAttribute("d", `M${x.toFixed(2)} ${y.toFixed(2)}h0`);
  if (hand) mark.setAttribute("class", "by-hand");
  return mark;
}

export class Order {
  /** `rows`: the newest canvas; drawn again only when something was written. */
  draw(rows, columns) {
    const written = rows.filter((row) => !row.masked && row.step);
    const key = `${columns}|${written.map((row) => row.step).join()}`;
    if (key === this.key) return;
    this.key = key;
    const height = Number(plot.dataset.height);
    const marks = written.map((row) => dot(((row.step + 0.5) / columns) * 100,
      ((rows.indexOf(row) + 0.5) / rows.length) * height, row.by === "hand"));
    plot.replaceChildren(plot.querySelector("title"), ...marks);
    const tau = kendall(written.map((row) => [row.pos, row.step]));
    words.textContent = tau === null ? "Nothing is written yet."
      : `Kendall's τ of position and step: ${tau.toFixed(2)} (1 = left to right, 0 = no order, −1 = right to left)`;
  }
}
