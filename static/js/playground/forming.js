// How an answer formed: its canvas at any step, under a finished bubble. The drafts are fetched
// when it is opened; scrubbing then asks nobody for anything.
import { $, element, put, write } from "../dom.js";
import { stateAfter } from "./answer_state.js";
import { Cells } from "./live.js";

const PACE = 120;

function button(label, name, press) {
  const made = element("button", label, "btn btn-small btn-icon");
  made.type = "button";
  made.setAttribute("aria-label", name);
  made.addEventListener("click", press);
  return made;
}

export class Forming {
  /** Fills `place` with a scrubber over `drafts`; `prefix` stood before the answer was begun. */
  constructor(place, { drafts, prefix }) {
    Object.assign(this, { drafts, prefix, timer: 0 });
    this.last = drafts.length - 1;
    this.play = button("▶", "Play", () => (this.timer ? this.pause() : this.start()));
    this.range = element("input");
    Object.assign(this.range, { type: "range", min: 0, max: this.last, value: this.last });
    put(this.range, "aria-label", "Step");
    this.range.addEventListener("input", () => {
      this.pause();
      this.show(this.range.valueAsNumber);
    });
    this.count = element("span", "", "small num muted");
    this.text = element("span", prefix);
    const cells = element("span");
    this.cells = new Cells(cells);
    const bar = element("div", "", "forming-bar");
    bar.append(this.play, this.range, this.count);
    const canvas = element("p", "", "forming-canvas live-cells");
    canvas.append(this.text, cells);
    place.replaceChildren(bar, canvas);
    this.show(this.last);
  }

  show(step) {
    this.step = step;
    const state = stateAfter(this.drafts, step + 1, this.prefix);
    this.cells.draw(state.cells ?? []);
    this.range.value = step;
    put(this.range, "aria-valuetext", `step ${step} of ${this.last}`);
    write(this.count, `step ${step} / ${this.last} · ${state.count} of ${state.most} places`);
  }

  start() {
    if (this.step >= this.last) this.show(0);
    this.timer = setInterval(() => this.tick(), PACE);
    this.face("⏸", "Pause");
  }

  tick() {
    if (this.step >= this.last || !this.range.isConnected) this.pause();
    else this.show(this.step + 1);
  }

  pause() {
    clearInterval(this.timer);
    this.timer = 0;
    this.face("▶", "Play");
  }

  face(label, name) {
    write(this.play, label);
    put(this.play, "aria-label", name);
  }
}

/** Opens the scrubber of a `[data-forming]` box, once. */
export async function openForming(box, line) {
  if (box.dataset.filled) return;
  box.dataset.filled = "yes";
  const place = $("[data-place]", box);
  try {
    const told = await (await line.part(box.dataset.forming, "application/json")).json();
    if (told.drafts.length) new Forming(place, told);
    else write(place, "Nothing is kept of the steps of this answer.");
  } catch (error) {
    delete box.dataset.filled;
    write(place, `The steps could not be read: ${error.message}. Close this and open it again.`);
  }
}
