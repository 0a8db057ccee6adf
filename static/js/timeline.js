// Scrubber, transport, replay, entropy line and the table of steps. Scrubbing asks the server for
// nothing: rewinding is a view.
import { put, write } from "./dom.js";

const $ = (selector) => document.querySelector(selector);
const scrub = $("#scrub");
const ICON = $("#play use").getAttribute("href").split("#")[0];

function link(href, text) {
  const anchor = document.createElement("a");
  anchor.href = href;
  anchor.textContent = text;
  return anchor;
}

export class Timeline {
  /** `go(number)` shows a step. */
  constructor(go) {
    this.go = go;
    this.timer = null;
    scrub.addEventListener("input", () => { this.pause(); go(scrub.valueAsNumber); });
    $("#play").addEventListener("click", () => this.toggle());
    $("#speed").addEventListener("change", () => this.timer && this.play());
    for (const anchor of document.querySelectorAll("[data-go]")) {
      anchor.addEventListener("click", (event) => { event.preventDefault(); this.move(anchor.dataset.go); });
    }
    $("#steps-body").addEventListener("click", (event) => this.fromTable(event));
  }

  move(where) {
    this.pause();
    const targets = { first: 0, prev: this.shown - 1, next: this.shown + 1, last: this.tip };
    this.go(Math.max(0, Math.min(this.tip, targets[where])));
  }

  toggle() {
    if (this.timer) this.pause();
    else this.play();
  }

  play() {
    this.pause();
    if (this.shown >= this.tip) this.go(0);
    this.timer = setInterval(() => this.tick(), 1000 / Number($("#speed").value));
    this.button();
  }

  tick() {
    if (this.shown >= this.tip) this.pause();
    else this.go(this.shown + 1);
  }

  pause() {
    clearInterval(this.timer);
    this.timer = null;
    this.button();
  }

  button() {
    $("#play use").setAttribute("href", `${ICON}#${this.timer ? "pause" : "play"}`);
    $("#play").setAttribute("aria-label", this.timer ? "Pause" : "Replay");
  }

  draw(state, shown, tip, columns) {
    Object.assign(this, { shown, tip });
    put(scrub, "max", tip);
    if (scrub.valueAsNumber !== shown) scrub.value = shown;
    put(scrub, "aria-valuetext", `step ${shown} of ${tip}`);
    write($("#step-text"), `step ${shown} / ${tip}`);
    this.drawEntropy(state, shown, tip, columns);
    this.drawTable(state, tip);
  }

  drawEntropy(state, shown, tip, columns) {
    const most = Math.max(0.1, ...state.entropy.values());
    const x = (number) => ((number + 0.5) / columns) * 100;
    const points = [...state.entropy].filter(([number, mean]) => number <= tip && mean != null)
      .sort(([a], [b]) => a - b)
      .map(([number, mean]) => `${x(number).toFixed(2)},${(22 - (20 * mean) / most).toFixed(2)}`);
    put($("#spark polyline"), "points", points.join(" "));
    for (const end of ["x1", "x2"]) put($("#spark line"), end, x(shown).toFixed(2));
    const now = state.entropy.get(shown);
    write($("#entropy-now"), now == null ? "" : `mean entropy ${now.toFixed(2)} nats`);
  }

  drawTable(state, tip) {
    const body = $("#steps-body");
    if (!$("#steps-details").open || this.tableAt === `${state.path}:${tip}`) return;
    this.tableAt = `${state.path}:${tip}`;
    const rows = [...state.steps.values()].sort((a, b) => a.number - b.number);
    body.replaceChildren(...rows.map((step) => this.row(state, step)));
  }

  row(state, step) {
    const row = document.createElement("tr");
    const entropy = state.entropy.get(step.number);
    const texts = ["", step.recipe, step.ops.length, step.masked, entropy?.toFixed(2) ?? "", Math.round(step.ms)];
    for (const [i, text] of texts.entries()) {
      const cell = row.insertCell();
      cell.textContent = text;
      if (i !== 1) cell.className = "num";
    }
    row.cells[0].append(link(`?branch=${state.path}&step=${step.number}`, step.number));
    return row;
  }

  fromTable(event) {
    const anchor = event.target.closest("a");
    if (!anchor) return;
    event.preventDefault();
    this.pause();
    this.go(Number(anchor.textContent));
  }
}
