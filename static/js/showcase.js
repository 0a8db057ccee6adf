// The recorded runs of the first page: cell by cell, all of them at the same pace. Who wants less
// motion sees the end, which the server has drawn.
import { $, $$ } from "./dom.js";

const PACE = 260;
const REST = 6000;
const MASK = "·";

/** What a grid shows after `count` frames: the text of every cell, and those just written. */
export function gridAt({ cells, frames }, count) {
  const texts = cells.map((text) => text ?? MASK);
  const now = new Set();
  for (const [index, frame] of frames.slice(0, count).entries()) {
    for (const [position, text] of frame) {
      texts[position] = text;
      if (index === count - 1) now.add(position);
    }
  }
  return { texts, now };
}

function draw(figure, recording, run, count) {
  const { texts, now } = gridAt({ cells: recording.cells, frames: run.frames }, count);
  const ended = count >= run.frames.length;
  const wrong = new Set(ended ? run.wrong : []);
  for (const [position, cell] of $$(".mini", figure).entries()) {
    cell.textContent = texts[position];
    cell.classList.toggle("masked", texts[position] === MASK);
    cell.classList.toggle("now", now.has(position) && !ended);
    cell.classList.toggle("wrong", wrong.has(position));
  }
}

export function playShowcase() {
  const recording = JSON.parse($("#showcase").textContent);
  const figures = $$(".showcase-run");
  const last = Math.max(...recording.runs.map((run) => run.frames.length));
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const again = $("#showcase-again");
  let timer = 0;
  const show = (count) => {
    for (const [index, run] of recording.runs.entries())
      draw(figures[index], recording, run, count);
    const wait = count < last ? PACE : REST;
    if (!document.hidden) timer = setTimeout(() => show(count < last ? count + 1 : 0), wait);
  };
  const start = () => {
    clearTimeout(timer);
    show(0);
  };
  again.hidden = false;
  again.addEventListener("click", start);
  document.addEventListener("visibilitychange", () => document.hidden || calm || start());
  if (!calm) start();
}
