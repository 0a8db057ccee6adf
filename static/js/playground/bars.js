// The distribution of the next token as bars: what is highlighted is what Enter and Step take.
import { element, write } from "../dom.js";

const NAMES = { " ": "(space)", "\n": "'\\n'", "\t": "'\\t'", "\r": "'\\r'", "": "(end)" };

/** A token's text as the bars show it. */
export const tokenName = (text) => NAMES[text] ?? text.replace(/\n/g, "\\n").replace(/\t/g, "\\t");

/** A share as people read it. */
export const percent = (share) => `${(100 * share).toFixed(share < 0.1 ? 1 : 0)}%`;

export class Bars {
  /** `accept()` takes the highlighted row; `rest`: an element for what the bars do not show. */
  constructor(place, rest, accept) {
    Object.assign(this, { place, rest, accept });
    this.clear();
  }

  clear() {
    this.rows = [];
    this.at = 0;
    this.place.replaceChildren();
    this.rest.textContent = "";
    this.place.removeAttribute("aria-busy");
  }

  /** What is shown belongs to the text before: nothing is taken from it any more. */
  expire() {
    this.place.setAttribute("aria-busy", "true");
  }

  get isExpired() {
    return this.place.getAttribute("aria-busy") === "true";
  }

  /** {rows, cut, rest}; `chosen`: id of a token that was taken from this distribution. The bars
   * stay the same elements, so that their widths move. */
  show({ rows, cut, rest }, chosen = null, keep = false) {
    this.rows = rows;
    if (!keep) this.at = 0;
    while (this.place.children.length > rows.length) this.place.lastElementChild.remove();
    rows.forEach((row, at) => {
      this.fill(this.place.children[at] ?? this.fresh(at), row, chosen);
    });
    const parts = [`everything else ${percent(rest)}`];
    if (cut > 0) parts.push(`cut by top-k and top-p: ${percent(cut)}`);
    write(this.rest, parts.join(" · "));
    this.place.removeAttribute("aria-busy");
    this.move(0);
  }

  fresh(at) {
    const item = element("li");
    const button = element("button");
    button.type = "button";
    button.append(...["mark", "name", "bar", "share"].map((name) => element("span", "", name)));
    button.querySelector(".bar").append(element("i"));
    button.addEventListener("click", () => {
      if (this.isExpired) return;
      this.move(at - this.at);
      this.accept();
    });
    item.append(button);
    this.place.append(item);
    return item;
  }

  fill(item, { token, token_id: id, prob }, chosen) {
    const button = item.firstElementChild;
    const [mark, name, bar, share] = button.children;
    button.dataset.chosen = String(id === chosen);
    write(mark, id === chosen ? "✓" : "");
    write(name, tokenName(token));
    bar.firstElementChild.style.width = `${100 * prob}%`;
    write(share, percent(prob));
    button.classList.toggle("cut", prob === 0);
  }

  move(by) {
    if (!this.rows.length) return;
    this.at = Math.max(0, Math.min(this.rows.length - 1, this.at + by));
    [...this.place.children].forEach((item, at) => {
      const button = item.firstElementChild;
      button.classList.toggle("highlighted", at === this.at);
      button.setAttribute("aria-pressed", String(at === this.at));
      const mark = button.querySelector(".mark");
      if (button.dataset.chosen !== "true") write(mark, at === this.at ? "→" : "");
    });
  }

  get highlighted() {
    return this.rows[this.at];
  }
}
