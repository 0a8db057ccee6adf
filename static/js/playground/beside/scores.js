// Both judges on each text: the autoregressive model's perplexity, and the diffusion model's, part
// by part of the text.
import { at } from "../../addresses.js";
import { element } from "../../dom.js";
import { bits, level } from "../distribution.js";
import { ask, failureWords } from "../next_token.js";

const MUCH = 12; // bits that have the deepest colour
const WAYS = [
  ["causal", "left to right, autoregressive"],
  ["left", "left to right, diffusion"],
  ["alone", "each masked alone, diffusion"],
];

/** A figure with one decimal; a huge one in powers of ten. */
const short = (value) =>
  value === null ? "–" : Math.abs(value) < 1e5 ? value.toFixed(1) : value.toExponential(1);

export class Scores {
  /** `models`: {model, masked_model, prompt}. */
  constructor(root, models) {
    Object.assign(this, { root, models });
    this.failed = []; // what could not be scored stays told when the next text is
    this.body = root.querySelector("tbody");
    this.detail = root.querySelector("[data-parts]");
    this.note = root.querySelector("[data-note]");
    this.field = root.querySelector("textarea");
    root.querySelector("form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.failed = [];
      this.score("your text", this.field.value, "");
    });
  }

  /** A row of the table for a text; the parts of the newest one are shown. */
  async score(name, text, prompt = this.models.prompt) {
    if (!text.trim()) return;
    this.note.textContent = `Scoring ${name}`;
    try {
      const found = await ask(at("/api/score-both"), { body: { ...this.models, text, prompt } });
      this.body.append(this.row(name, text, found));
      this.showParts(name, found.parts);
    } catch (error) {
      this.failed.push(`${name}: ${failureWords(error).text}`);
    }
    this.note.textContent = this.failed.join(" · ");
  }

  row(name, text, { causal, masked, parts }) {
    const made = element("tr");
    const head = element("th");
    const button = element("button", name, "btn btn-quiet btn-small");
    button.type = "button";
    button.title = text.slice(0, 80);
    button.addEventListener("click", () => this.showParts(name, parts));
    head.scope = "row";
    head.append(button);
    const values = [causal, masked.left, masked.alone].flatMap((one) => [one.perplexity, one.nats]);
    made.append(head, ...values.map((value) => element("td", short(value), "num")));
    return made;
  }

  /** Each way as a line of the text, coloured by the surprise of its parts. */
  showParts(name, parts) {
    const lines = WAYS.map(([way, words]) => {
      const line = element("p", "", "scored-line");
      line.append(element("span", `${words}: `, "small muted"));
      for (const part of parts) {
        const span = element("span", part.text);
        const cost = bits(part[way]);
        span.dataset.depth = level(cost, MUCH);
        span.title = `${cost.toFixed(1)} bits`;
        line.append(span);
      }
      return line;
    });
    this.detail.replaceChildren(element("h3", `Bits of surprise in ${name}`), ...lines);
  }
}
