// The page of a training: its socket's frames become curve, numbers, samples and buttons.
import { $, $$, data, element, put, showScripted, write } from "../../dom.js";
import { keepFocus } from "../../focus.js";
import { errorToast, toast } from "../../toasts.js";
import { follow } from "../follow.js";
import { Chart } from "./chart.js";
import { fold, LIGHTS, lossWords, modelWords, timeWords } from "./curve_state.js";
import { openMachine } from "./machine.js";

const FIGURES = {
  "[data-step]": (status) => String(status.step),
  "[data-steps]": (status) => String(status.steps),
  "[data-loss]": (status) => lossWords(status.loss),
  "[data-held-out]": (status) => lossWords(status.held_out),
  "[data-speed]": (status) => String(status.tokens_per_second),
  "[data-left]": (status) => timeWords(status.seconds_left),
  "[data-seconds]": (status) => timeWords(status.seconds),
  "[data-parameters]": (status) => String(status.parameters),
};

class TrainingPage {
  constructor(root) {
    this.root = root;
    this.state = { ...data("training-data") };
    this.chart = new Chart($("[data-chart]", root));
    this.drawn = { points: null, moments: null };
    this.rows = new Map();
    this.draw();
  }

  hear(frame) {
    const before = this.state;
    if (frame.type === "error") {
      errorToast(frame);
      return;
    }
    this.state = fold(this.state, frame);
    if (this.state !== before) this.schedule();
  }

  // Points may come many at a time: one drawing for each painted frame is enough.
  schedule() {
    this.waiting ??= requestAnimationFrame(() => {
      this.waiting = null;
      this.draw();
    });
  }

  draw() {
    const { status, points, moments } = this.state;
    this.drawStatus(status);
    if (points !== this.drawn.points) {
      this.chart.show(points);
      this.drawTable(points);
    }
    if (moments !== this.drawn.moments) this.drawSamples(moments);
    this.drawn = { points, moments };
  }

  drawStatus(status) {
    const [light, words] = LIGHTS[status.state];
    put($("[data-light]", this.root), "data-state", light);
    write($("[data-words]", this.root), words);
    put(this.root, "data-state", status.state);
    Object.assign(this.root.dataset, { model: status.model ?? "", words: modelWords(status) });
    const dot = $(`[data-tab="${status.id}"] .training-dot`);
    if (dot) put(dot, "data-state", status.state);
    for (const [selector, figure] of Object.entries(FIGURES)) {
      write($(selector, this.root), figure(status));
    }
    const progress = $("[data-progress]", this.root);
    Object.assign(progress, { max: status.steps, value: status.step });
    const note = $("[data-note]", this.root);
    write(note, status.error?.message ?? status.note);
    note.hidden = !note.textContent;
    this.drawButtons(status);
    document.dispatchEvent(new CustomEvent("training:state"));
  }

  drawButtons(status) {
    const show = () => {
      for (const form of $$("[data-when]", this.root))
        form.hidden = !form.dataset.when.split(" ").includes(status.state);
    };
    keepFocus(() => $(".training-buttons", this.root), show, { nearest: true });
    const uses = $("[data-uses]", this.root);
    if (!uses || !status.model) return;
    uses.hidden = false;
    const link = $("[data-use]", uses);
    const address = new URL(link.href);
    address.searchParams.set("model", status.model);
    put(link, "href", address.pathname + address.search);
  }

  drawTable(points) {
    const body = $("[data-table]", this.root);
    body.replaceChildren(...points.map((point) => this.row(point)));
  }

  row(point) {
    const key = `${point.step} ${point.loss} ${point.seconds}`;
    if (!this.rows.has(key)) {
      const row = element("tr");
      const { first, step, loss, held_out: heldOut, tokens, seconds } = point;
      const texts = [`${first}–${step}`, lossWords(loss), lossWords(heldOut), tokens];
      row.append(...[...texts, seconds.toFixed(1)].map((text) => element("td", String(text))));
      this.rows.set(key, row);
    }
    return this.rows.get(key);
  }

  drawSamples(moments) {
    const list = $("[data-samples]", this.root);
    list.replaceChildren(...moments.map(sampleItem).reverse());
  }
}

function sampleItem({ step, prompt, sample }) {
  const item = element("li");
  item.dataset.stepOf = step;
  const text = element("p");
  text.append(element("span", prompt, "muted"), sample);
  item.append(element("span", String(step), "num muted"), text);
  return item;
}

async function carryOut(event) {
  const form = event.target.closest("form[data-do]");
  if (!form) return;
  event.preventDefault();
  const options = {
    method: "POST",
    body: new FormData(form, event.submitter),
    headers: { Accept: "application/json" },
  };
  try {
    const answer = await fetch(form.action, options);
    const reply = await answer.json();
    if (!answer.ok) errorToast(reply);
  } catch {
    toast("error", "The server could not be reached. Check your connection and try again.");
  }
}

export function openTraining() {
  const root = $("#training");
  showScripted();
  const page = new TrainingPage(root);
  root.addEventListener("submit", carryOut);
  openMachine($("[data-machine]", root));
  follow(
    root.dataset.socket,
    (frame) => page.hear(frame),
    (connection) => put(root, "data-connection", connection),
  );
}
