// Scrubber, transport, replay, entropy line and the table of steps. Scrubbing asks the server for
// nothing: rewinding is a view.
import { $, $$, element, put, write } from "./dom.js";
import { written } from "./status.js";

function link(href, text) {
  const anchor = element("a", text);
  anchor.href = href;
  return anchor;
}

/** The entropy that the line's top stands for. */
export const highestEntropy = (entropy) => Math.max(0.1, ...entropy.values());

/** Points of the entropy line: steps across 0..100, entropies (nats) up from 22 to 2. */
export function entropyPoints(entropy, tip, columns) {
  const most = highestEntropy(entropy);
  const rows = [...entropy].filter(([number, mean]) => number <= tip && mean != null);
  return rows
    .sort(([a], [b]) => a - b)
    .map(([number, mean]) => [((number + 0.5) / columns) * 100, 22 - (20 * mean) / most])
    .map(([x, y]) => `${x.toFixed(2)},${y.toFixed(2)}`)
    .join(" ");
}

export class Timeline {
  /** `go(number)` shows a step. */
  constructor(go) {
    this.go = go;
    this.timer = null;
    this.scrub = $("#scrub");
    this.playButton = $("#play");
    this.body = $("#steps-body");
    this.icons = $("use", this.playButton).getAttribute("href").split("#")[0];
    this.listen();
  }

  listen() {
    this.scrub.addEventListener("input", () => {
      this.pause();
      this.go(this.scrub.valueAsNumber);
    });
    this.playButton.addEventListener("click", () => this.toggle());
    $("#speed").addEventListener("change", () => this.timer && this.play());
    for (const anchor of $$("[data-go]")) {
      anchor.addEventListener("click", (event) => {
        event.preventDefault();
        this.move(anchor.dataset.go);
      });
    }
    this.body.addEventListener("click", (event) => this.fromTable(event));
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
    const icon = `${this.icons}#${this.timer ? "pause" : "play"}`;
    $("use", this.playButton).setAttribute("href", icon);
    this.playButton.setAttribute("aria-label", this.timer ? "Pause" : "Replay");
  }

  /** `entropy`: step → the mean of the masks, at the settings of now. */
  draw(state, { shown, tip, columns, entropy }) {
    Object.assign(this, { shown, tip });
    put(this.scrub, "max", tip);
    if (this.scrub.valueAsNumber !== shown) this.scrub.value = shown;
    put(this.scrub, "aria-valuetext", `step ${shown} of ${tip}`);
    write($("#step-text"), `step ${shown} / ${tip}`);
    this.drawEntropy(entropy, shown, tip, columns);
    this.drawTable(state, tip, entropy);
  }

  drawEntropy(entropy, shown, tip, columns) {
    put($("#spark polyline"), "points", entropyPoints(entropy, tip, columns));
    const x = columns > 1 ? (((shown + 0.5) / columns) * 100).toFixed(2) : -1; // one step: no place
    for (const end of ["x1", "x2"]) put($("#spark line"), end, x);
    const now = entropy.get(shown);
    $("#entropy-words").hidden = !entropy.size;
    write($("#entropy-most"), highestEntropy(entropy).toFixed(2));
    write($("#entropy-now"), now == null ? "" : `, now ${now.toFixed(2)}`);
  }

  drawTable(state, tip, entropies) {
    if (!$("#steps-details").open) return;
    const key = `${state.path}:${tip}:${[...entropies.values()]}`;
    if (this.tableAt === key) return;
    this.tableAt = key;
    const rows = [...state.steps.values()].sort((a, b) => a.number - b.number);
    const means = rows.map((step) => entropies.get(step.number));
    this.body.replaceChildren(...rows.map((step, i) => this.row(state, step, means[i])));
  }

  row(state, step, entropy) {
    const row = document.createElement("tr");
    const texts = [
      "",
      step.label,
      written(step.ops),
      step.masked,
      entropy?.toFixed(2) ?? "",
      Math.round(step.ms),
    ];
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
