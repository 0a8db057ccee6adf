// The tokens of an answer, each with what else was likely there: fetched when the answer's box is
// opened, shown for the token under the pointer or with the focus, offered as a branch by a press.
import { $, write } from "../dom.js";

export class Alternatives {
  constructor(line) {
    this.line = line;
    line.box.addEventListener("pointerover", (event) => this.point(event));
    line.box.addEventListener("focusin", (event) => this.point(event));
  }

  /** Opens the tokens of a `[data-tokens]` box, once. */
  async open(box) {
    if (box.dataset.filled) return;
    box.dataset.filled = "yes";
    try {
      $("[data-place]", box).replaceChildren(await this.line.html(box.dataset.tokens));
    } catch (error) {
      delete box.dataset.filled;
      write($("[data-place]", box), `The tokens could not be read: ${error.message}.`);
    }
  }

  point({ target }) {
    const token = target.closest?.("[data-number]");
    const box = token?.closest("[data-tokens]");
    if (box) write($(".likely", box), token.dataset.likely);
  }

  /** Other tokens in the place of one, as buttons that make a branch. */
  async offer(token) {
    const box = token.closest("[data-tokens]");
    const fresh = await this.line.html(`${box.dataset.tokens}?number=${token.dataset.number}`);
    $("[data-alternatives]", box).replaceChildren(fresh);
  }
}
