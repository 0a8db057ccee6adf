// What the model sees of the typed text: counted, the rest dimmed, unknown characters marked.
import { write } from "../dom.js";
import { countText, shadedText } from "./drawer_text.js";

export class Shade {
  constructor(drawer, part) {
    Object.assign(this, { drawer, place: part("shade"), counter: part("counter") });
  }

  draw(tree, next, unknown) {
    const text = this.drawer.input.value;
    const { words, cut } = countText(text, tree.tokens(), next);
    write(this.counter, words);
    const size = next?.size ?? Number(this.drawer.model.selectedOptions[0]?.dataset.context ?? 0);
    this.counter.title = size ? `Model only sees the last ${size} tokens` : "";
    const outside = Math.min(cut, [...text].length);
    this.place.replaceChildren(...shadedText(text, outside, unknown));
  }
}
