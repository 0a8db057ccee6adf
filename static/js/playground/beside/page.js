// An autoregressive model beside a diffusion model on one prompt, in step by forward passes.
import { $, data, write } from "../../dom.js";
import { failureWords } from "../next_token.js";
import { drawHeat } from "./heat.js";
import { Panel } from "./panel.js";
import { Scores } from "./scores.js";
import { Trace } from "./trace.js";

const PACE = 120; // milliseconds between two passes while playing

export class Beside {
  constructor(told) {
    this.told = told;
    this.shown = 0;
    this.playing = true;
    this.scored = new Set();
    this.panels = Object.fromEntries(
      ["causal", "masked", "repair"].map((name) => {
        const changed = () => this.changed(name);
        return [name, new Panel($(`#side-${name}`), new Trace(), changed)];
      }),
    );
    this.scores = new Scores($("#scores"), {
      model: told.causal_model,
      masked_model: told.masked_model,
      prompt: told.prompt,
    });
    this.bind();
    for (const name of ["causal", "masked", "repair"])
      if (told[name]) this.panels[name].follow(told[name]);
    this.tick();
  }

  bind() {
    this.slider = $("#pass");
    this.button = $("#pass-play");
    this.slider.addEventListener("input", () => this.show(Number(this.slider.value), false));
    this.button.addEventListener("click", () => this.toggle());
    $("#repair-form").addEventListener("submit", (event) => this.repair(event));
    document.addEventListener("keydown", (event) => this.key(event));
  }

  key(event) {
    if (event.target.matches("textarea, input, select, button, a, summary")) return;
    const keys = {
      " ": () => this.toggle(),
      ArrowLeft: () => this.show(this.shown - 1, false),
      ArrowRight: () => this.show(this.shown + 1, false),
    };
    if (!keys[event.key] || document.querySelector(".drawer.open")) return;
    event.preventDefault();
    keys[event.key]();
  }

  get traces() {
    return [this.panels.causal.trace, this.panels.masked.trace];
  }

  /** How many passes there are to be shown. */
  get last() {
    return Math.max(...this.traces.map((trace) => trace.passes.length));
  }

  /** As far as both have come: who is behind is waited for, unless it is over. */
  get common() {
    const under = this.traces.filter((trace) => !trace.isOver);
    return Math.min(this.last, ...under.map((trace) => trace.passes.length));
  }

  toggle() {
    if (!this.playing && this.shown >= this.last) this.shown = 0;
    this.playing = !this.playing;
    this.draw();
  }

  show(pass, playing = this.playing) {
    this.shown = Math.max(0, Math.min(this.last, pass));
    this.playing = playing;
    this.draw();
  }

  tick() {
    if (this.playing && this.shown < this.common) this.show(this.shown + 1);
    else if (this.playing && this.traces.every((trace) => trace.isOver))
      this.show(this.shown, false);
    setTimeout(() => this.tick(), PACE);
  }

  changed(name) {
    const { trace } = this.panels[name];
    if (name === "repair") this.panels.repair.draw(trace.passes.length, false);
    if (trace.end && !this.scored.has(name)) {
      this.scored.add(name);
      this.queue = (this.queue ?? Promise.resolve()).then(() => this.judge(name, trace));
    }
    this.draw();
  }

  judge(name, trace) {
    const text = name === "repair" ? trace.text().slice(this.told.prompt.length) : trace.end.text;
    const names = { causal: "the draft", masked: "the canvas", repair: "the repaired draft" };
    return this.scores.score(names[name], text);
  }

  draw() {
    const { causal, masked } = this.panels;
    this.slider.max = String(this.last);
    this.slider.value = String(this.shown);
    write($("#pass-text"), `pass ${this.shown} of ${this.last}`);
    write(this.button, this.playing ? "Pause" : "Play");
    for (const panel of [causal, masked]) panel.draw(this.shown, this.playing);
    const ink = getComputedStyle(document.documentElement).getPropertyValue("--mark");
    drawHeat($("#beside-heat"), masked.trace, causal.trace, ink);
    $("#repair-form button").disabled = !causal.trace.end;
  }

  async repair(event) {
    event.preventDefault();
    const form = event.target;
    const note = $("#repair-note");
    try {
      const answer = await fetch(form.action, {
        method: "POST",
        body: new FormData(form),
        headers: { Accept: "application/json" },
      });
      const told = await answer.json();
      if (!answer.ok) throw told;
      note.textContent = `${told.masked_tokens} tokens are masked again and filled`;
      this.scored.delete("repair");
      this.panels.repair.source?.close();
      this.panels.repair.trace = new Trace();
      this.panels.repair.follow(told.repair);
    } catch (error) {
      note.textContent = failureWords(error).text;
    }
  }
}

export function openBeside() {
  return new Beside(data("beside-data"));
}
