// A lesson's canvas that its reader works: forward and back through a run, what a place holds or
// what the model expects there, and the same run made anew by a worker.
import { $, data, element, put, showScripted, write } from "../dom.js";
import { glyphs } from "../text.js";
import { canvasAt, statusOf, wrongOf } from "./canvas.js";
import { LessonCells, wordsOf } from "./cells.js";
import { generation } from "./live.js";

/** Milliseconds of a step, and of a whole run at most. */
const [PACE, ALL] = [350, 12_000];

export class Player {
  /** `run`: a recording, see lesson_recordings.py; `live`: what to ask for a run now, or null. */
  constructor(run) {
    Object.assign(this, { ...run, timer: 0, step: 0 });
    this.recorded = run.drafts;
    this.cells = new LessonCells($("#lesson-cells"), (at) => this.choose(at));
    this.bind();
    showScripted();
    $("#lesson-live").hidden = !run.live;
    this.show(0);
  }

  get last() {
    return this.drafts.length - 1;
  }

  bind() {
    const presses = {
      first: () => this.go(0),
      prev: () => this.go(this.step - 1),
      next: () => this.go(this.step + 1),
      play: () => (this.timer ? this.pause() : this.play()),
      live: () => this.runNow(),
    };
    for (const [name, press] of Object.entries(presses)) {
      $(`#lesson-${name}`).addEventListener("click", press);
    }
    const range = $("#lesson-step");
    range.addEventListener("input", () => this.go(range.valueAsNumber));
  }

  go(step) {
    this.pause();
    this.show(step);
  }

  show(step) {
    this.step = Math.max(0, Math.min(this.last, step));
    this.rows = canvasAt(this.drafts, this.step);
    const ended = this.step === this.last && !this.running;
    this.wrong = ended ? wrongOf(this.rows, this.expected) : new Set();
    this.cells.draw(this.rows, this.step, this.wrong);
    this.tell();
    if (this.at !== undefined) this.detail();
  }

  tell() {
    const { step, last, wrong, expected, running } = this;
    const range = $("#lesson-step");
    put(range, "max", last);
    range.value = step;
    put(range, "aria-valuetext", `step ${step} of ${last}`);
    const judged = Boolean(expected);
    const told = { step, last: running ? last + 1 : last, wrong: wrong.size, judged };
    const words = running ? `Step ${step}, running …` : statusOf(this.rows, told);
    write($("#lesson-status"), words);
  }

  play() {
    if (this.step >= this.last) this.show(0);
    const pace = Math.min(PACE, ALL / Math.max(1, this.last));
    this.timer = setInterval(() => this.tick(), pace);
    this.face("Pause");
  }

  tick() {
    this.show(this.step + 1);
    if (this.step >= this.last) this.pause();
  }

  pause() {
    clearInterval(this.timer);
    this.timer = 0;
    this.face("Play");
  }

  face(name) {
    write($("#lesson-play span"), name);
    const use = $("#lesson-play use");
    const [sprite] = use.getAttribute("href").split("#");
    put(use, "href", `${sprite}#${name.toLowerCase()}`);
  }

  choose(at) {
    this.at = at;
    this.detail();
  }

  /** What is known of the chosen place: its token, or what the next pass gives it. */
  detail() {
    const row = this.rows[this.at];
    const box = $("#lesson-detail");
    if (!row) return box.replaceChildren();
    const parts = [element("p", `${wordsOf(row, this.at, this.wrong.has(this.at))}.`)];
    const guesses = this.drafts[this.step + 1]?.guesses?.[row.slot];
    if (row.masked && guesses) parts.push(candidates(guesses), this.next());
    box.replaceChildren(...parts);
    return undefined;
  }

  /** Where the next step writes; one finds out by going on, so only after one has chosen. */
  next() {
    const ops = this.drafts[this.step + 1].ops.filter((op) => op.op === "commit");
    const here = ops.some((op) => op.slot === this.rows[this.at].slot);
    const words = here ? "✓ This is the place that is written next." : "It is not written next.";
    return element("p", words, "muted");
  }

  /** The run made now; while it goes on its steps are shown as they come. */
  async runNow() {
    this.pause();
    this.stop?.abort();
    const stop = new AbortController();
    Object.assign(this, { stop, running: true, drafts: this.recorded.slice(0, 1) });
    this.show(0);
    this.source("A run by this site, now.");
    try {
      for await (const frame of generation(this.live, stop.signal)) this.heard(frame);
      this.finish();
    } catch (error) {
      if (!stop.signal.aborted) this.failed(error);
    }
  }

  heard(frame) {
    if (frame.type !== "step" || !frame.ops.length) return;
    this.drafts.push(frame);
    this.show(this.last);
  }

  finish() {
    this.running = false;
    this.show(this.last);
  }

  /** The recorded run takes its place, and it is said why. */
  failed(error) {
    Object.assign(this, { running: false, drafts: this.recorded });
    this.show(0);
    this.source(`It could not be run now (${error.message}) This is the recorded run.`);
  }

  source(words) {
    write($("#lesson-source"), words);
  }
}

function candidates(guesses) {
  const list = element("ul", "", "guesses");
  for (const [label, p] of guesses) {
    const item = element("li");
    const bar = element("progress");
    Object.assign(bar, { max: 1, value: p });
    put(bar, "aria-label", `${glyphs(label)}: ${(100 * p).toFixed(1)} %`);
    const share = element("span", `${(100 * p).toFixed(1)} %`, "num");
    item.append(element("code", glyphs(label)), bar, share);
    list.append(item);
  }
  return list;
}

/** The lesson of the page. */
export const openLesson = () => new Player(data("lesson-run"));
