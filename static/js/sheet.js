// On a phone the position panel is a sheet over the lower half of the screen: it comes when a token
// is tapped and goes by its button, by Escape or by a tap on its head. In a wide window it is a
// column, and nothing of this shows.
import { $, put } from "./dom.js";

const NARROW = "(max-width: 50rem)";

export class Sheet {
  /** `closed()` is called after it went, so that the focus can go back to the token. */
  constructor(closed) {
    this.closed = closed;
    this.root = $(".pane-insp");
    this.opener = $("#sheet-open");
    this.narrow = window.matchMedia(NARROW);
    this.root.dataset.sheet = "closed";
    this.opener.addEventListener("click", () => this.toggle());
    $("#sheet-close").addEventListener("click", () => this.close());
  }

  get isOpen() {
    return this.narrow.matches && this.root.dataset.sheet === "open";
  }

  /** `token`: the cell that must not lie behind it. */
  open(token = null) {
    if (!this.narrow.matches) return;
    this.set("open");
    token?.scrollIntoView({ block: "start", behavior: "instant" });
  }

  close() {
    if (!this.isOpen) return;
    this.set("closed");
    this.closed();
  }

  toggle() {
    if (this.isOpen) this.close();
    else this.open();
  }

  set(name) {
    this.root.dataset.sheet = name;
    put(this.opener, "aria-expanded", String(name === "open"));
  }
}
