// How surprised each side's model is by the typed text, token by token.
import { at } from "../addresses.js";
import { sumWords } from "./drawer_text.js";
import { ask } from "./next_token.js";

export class Score {
  constructor(drawer, root) {
    this.drawer = drawer;
    this.wanted = root.querySelector("input");
    this.words = root.querySelector("[data-score-text]");
    this.wanted.addEventListener("change", () => this.ask());
  }

  /** The scores of the text as it is, or none if they are not wanted. */
  async ask() {
    const { drawer } = this;
    const text = drawer.input.value;
    if (!this.wanted.checked || !text) return this.show([]);
    try {
      const questions = drawer.sides.map((side) => ({ model: side.model.value, text }));
      const found = await Promise.all(
        questions.map((body) => ask(at("/api/score-text"), { body })),
      );
      if (drawer.input.value === text) this.show(found);
    } catch (error) {
      drawer.failed(error);
    }
  }

  show(found) {
    const { sides } = this.drawer;
    for (const [place, side] of sides.entries()) side.scored = found[place]?.tokens ?? null;
    const words = found.map(({ nats, tokens, left_out: left }, place) => {
      const count = tokens.filter((one) => one.logprob !== null).length;
      const cut = left ? `, ${left} tokens before it are beyond the context` : "";
      return `${sides.length > 1 ? `${sides[place].name}: ` : ""}${sumWords(nats, count)}${cut}`;
    });
    this.words.textContent = words.join(" · ");
    this.drawer.draw();
  }
}
