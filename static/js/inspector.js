// The position panel: a server partial per position, fetched when what it shows may have changed.
import { $, $$ } from "./dom.js";
import { Panel } from "./panel.js";

const WAIT = 120;
const SELECTABLE = "input[name=token]:not(:disabled)";

export class Inspector {
  constructor(address) {
    this.address = address;
    this.root = $("#inspector");
    this.panel = new Panel(this.root, () => this.load());
    this.timer = null;
    this.key = "";
  }

  /** Fetch if position, step or anything that decides over the panel is new. */
  show(spot) {
    const key = JSON.stringify(spot);
    if (key === this.key || spot.pos === null) return;
    const moved = this.pos !== spot.pos;
    Object.assign(this, { key, pos: spot.pos, spot });
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.load(), moved ? WAIT : 3 * WAIT);
  }

  refresh() {
    this.key = "";
    if (this.spot) this.load();
  }

  more(href) {
    this.load(new URL(href, location.href).searchParams.get("k"));
  }

  load(k = null) {
    const { number, pos, branch } = this.spot;
    const asked = new URLSearchParams(k ? { branch, k } : { branch });
    return this.panel.load(`${this.address}step/${number}/pos/${pos}/?${asked}`);
  }

  /** The n-th selectable candidate, counted from 0. */
  candidate(n) {
    return $$(SELECTABLE, this.root)[n];
  }

  /** The selectable candidate that comes `by` places after the chosen one. */
  besides(by) {
    const all = $$(SELECTABLE, this.root);
    const at = all.indexOf(this.chosen);
    return all[at < 0 ? 0 : Math.max(0, Math.min(all.length - 1, at + by))];
  }

  get chosen() {
    return $("input[name=token]:checked", this.root);
  }

  /** Where the candidates come from, and whether the rest is to be run. */
  get source() {
    const { source_step, source_branch, source_position, go_on } = $("#pick", this.root).elements;
    if (!source_step) return {};
    const [step, branch, position] = [source_step, source_branch, source_position].map((field) =>
      Number(field.value),
    );
    return { step, branch, position, goOn: go_on.checked };
  }

  get isMasked() {
    return $("#pick", this.root)?.dataset.masked === "1";
  }

  focus() {
    (this.chosen ?? this.candidate(0) ?? $("button", this.root))?.focus();
  }
}
