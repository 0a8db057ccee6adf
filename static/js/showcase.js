// The recorded runs of the first page: cell by cell, all of them at the same pace. Who wants less
// motion sees the end, which the server has drawn.
import { $, $$, write } from "./dom.js";

const PACE = 260;
const REST = 6000;
const MASK = "·";

/** What a grid shows after `count` frames: the text of every cell, those just written, and, when
 * the run has ended, those that are wrong. */
export function gridAt({ cells, frames, wrong }, count) {
  const texts = cells.map((text) => text ?? MASK);
  const now = new Set();
  const ended = count >= frames.length;
  for (const [index, frame] of frames.slice(0, count).entries()) {
    for (const [position, text] of frame) {
      texts[position] = text;
      if (index === count - 1 && !ended) now.add(position);
    }
  }
  return { texts, now, ended, wrong: new Set(ended ? wrong : []) };
}

/** Below a grid: how far its run is, and at its end what came of it. */
export function verdictAt(frames, count, verdict) {
  return count < frames.length ? `${count} of ${frames.length} cells` : verdict;
}

function draw(figure, run, count) {
  const { texts, now, wrong } = gridAt(run, count);
  for (const [position, cell] of $$(".mini", figure).entries()) {
    write(cell, texts[position]);
    cell.classList.toggle("masked", texts[position] === MASK);
    cell.classList.toggle("now", now.has(position));
    cell.classList.toggle("wrong", wrong.has(position));
  }
  const words = $(".verdict", figure);
  write(words, verdictAt(run.frames, count, words.dataset.verdict));
  words.classList.toggle("is-wrong", wrong.size > 0);
}

export function playShowcase() {
  const { cells, runs } = JSON.parse($("#showcase").textContent);
  const figures = $$(".showcase-run");
  const last = Math.max(...runs.map((run) => run.frames.length));
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const again = $("#showcase-again");
  let timer = 0;
  const show = (count) => {
    for (const [index, run] of runs.entries()) draw(figures[index], { cells, ...run }, count);
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
