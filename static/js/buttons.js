// The buttons of the cycle: each says why it cannot act. The reasons' words come with the page.
import { blockerOf } from "./actions.js";
import { $$, put, write } from "./dom.js";

export class Buttons {
  constructor(reasons) {
    this.reasons = reasons;
    this.all = $$("[data-action]");
  }

  /** The reason in words why an action cannot be taken now; "" if it can. */
  reasonAgainst(name, now) {
    return this.reasons[blockerOf(name, now)] ?? "";
  }

  draw(now, busy) {
    for (const button of this.all) {
      const name = button.dataset.action;
      const reason = this.reasonAgainst(name, now);
      button.classList.toggle("is-busy", busy.has(name));
      put(button, "title", reason || button.dataset.title);
      write(document.getElementById(button.getAttribute("aria-describedby")), reason);
      if (reason) put(button, "aria-disabled", "true");
      else button.removeAttribute("aria-disabled");
    }
  }
}
