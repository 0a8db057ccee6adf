// The distribution of the next token as bars: what is highlighted is what Enter and Step take.
const NAMES = { " ": "(space)", "\n": "'\\n'", "\t": "'\\t'", "\r": "'\\r'", "": "(end)" };

/** A token's text as the bars show it. */
export const tokenName = (text) => NAMES[text] ?? text.replace(/\n/g, "\\n").replace(/\t/g, "\\t");

export class Bars {
  constructor(place, accept) {
    this.place = place;
    this.accept = accept;
    this.clear();
  }

  clear() {
    this.rows = [];
    this.at = 0;
    this.place.replaceChildren();
    this.place.removeAttribute("aria-busy");
  }

  /** What is shown belongs to the text before: nothing is taken from it any more. */
  expire() {
    this.place.setAttribute("aria-busy", "true");
  }

  /** `chosen`: id of a token that was taken from this distribution, for one that is past. */
  show(probabilities, chosen = null) {
    this.rows = probabilities;
    this.at = 0;
    this.place.replaceChildren(...probabilities.map((one, at) => this.row(one, at, chosen)));
    this.place.removeAttribute("aria-busy");
    this.move(0);
  }

  row({ token, token_id: id, prob }, at, chosen) {
    const item = document.createElement("li");
    const button = document.createElement("button");
    button.type = "button";
    const parts = ["mark", "name", "bar", "share"].map((name) => {
      const span = document.createElement("span");
      span.className = name;
      return span;
    });
    parts[0].textContent = id === chosen ? "✓" : "";
    parts[1].textContent = tokenName(token);
    const fill = document.createElement("i");
    fill.style.width = `${100 * prob}%`;
    parts[2].append(fill);
    parts[3].textContent = `${(100 * prob).toFixed(prob < 0.1 ? 1 : 0)}%`;
    button.append(...parts);
    button.addEventListener("click", () => {
      this.move(at - this.at);
      this.accept();
    });
    item.append(button);
    return item;
  }

  move(by) {
    if (!this.rows.length) return;
    this.at = Math.max(0, Math.min(this.rows.length - 1, this.at + by));
    [...this.place.querySelectorAll("button")].forEach((button, at) => {
      button.classList.toggle("highlighted", at === this.at);
      button.setAttribute("aria-pressed", String(at === this.at));
      const mark = button.querySelector(".mark");
      if (mark.textContent !== "✓") mark.textContent = at === this.at ? "→" : "";
    });
  }

  get highlighted() {
    return this.rows[this.at];
  }
}
