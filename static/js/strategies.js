// What each strategy would take from the same forward pass, side by side; nothing is computed anew.
import { $, element } from "./dom.js";
import { glyphs } from "./text.js";

function pick({ position, token, prob }) {
  const item = element("li", "", "pick");
  const share = element("span", `${(100 * prob).toFixed(1)} %`, "num");
  item.append(
    element("span", position, "muted num"),
    element("span", glyphs(token), "token"),
    share,
  );
  return item;
}

export class StrategyComparison {
  /** `take(name)` is called with the strategy whose picks are to be staged. */
  constructor(settings, take) {
    Object.assign(this, { settings, take });
    this.dialog = $("#compare");
    this.body = $("#compare-body");
  }

  /** `strategies`: name → picks, as the server answers. */
  show(strategies) {
    const cards = Object.entries(strategies).map(([name, picks]) => this.card(name, picks));
    this.body.replaceChildren(...cards);
    this.dialog.showModal();
  }

  card(name, picks) {
    const box = element("section", "", "strategy");
    const label = this.settings.strategyLabel(name);
    const list = element("ul");
    list.append(...picks.map(pick));
    const use = element("button", "Stage these", "btn btn-small");
    use.type = "button";
    use.setAttribute("aria-label", `Stage these: ${label}`);
    use.addEventListener("click", () => {
      this.dialog.close();
      this.take(name);
    });
    box.append(element("h3", label), list, use);
    return box;
  }
}
