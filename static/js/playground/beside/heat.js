// Heat map of a trace: rows are places, columns passes, a pixel the best probability there; a white
// pixel is where a token was written. The order of another trace is drawn over it as dots.
import { TABLE } from "../../colours.js";

const WHITE = [255, 255, 255, 255];

/** RGBA of a place in a pass: [] where nothing is known. */
function colour(trace, rows) {
  const picture = new Map();
  for (const { number, heat, writes } of trace.passes) {
    for (const [slot, best] of heat)
      picture.set(`${number}|${rows.get(slot)}`, [...TABLE[Math.round(255 * best)], 255]);
    for (const { slot } of writes) picture.set(`${number}|${rows.get(slot)}`, WHITE);
  }
  return picture;
}

/** Draw `trace` into a canvas of one pixel a cell, wide enough for `other` too, whose writes are
 * dots of the colour `ink`. */
export function drawHeat(canvas, trace, other, ink) {
  const rows = new Map(trace.rows.map((slot, row) => [slot, row]));
  const height = Math.max(1, rows.size, other.rows.length);
  const width = Math.max(1, trace.passes.length, other.passes.length);
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext("2d");
  const image = context.createImageData(width, height);
  for (const [place, rgba] of colour(trace, rows)) {
    const [pass, row] = place.split("|").map(Number);
    image.data.set(rgba, 4 * (pass - 1 + row * width));
  }
  context.putImageData(image, 0, 0);
  context.fillStyle = ink;
  for (const [x, y] of order(other)) context.fillRect(x, y, 1, 1);
}

/** [pass - 1, row] of everything that a trace wrote. */
export function order(trace) {
  const rows = new Map(trace.rows.map((slot, row) => [slot, row]));
  return trace.passes.flatMap(({ number, writes }) =>
    writes.map(({ slot }) => [number - 1, rows.get(slot)]),
  );
}
