// The position panel: a server partial per position, fetched when what it shows may have changed.
const panel = document.querySelector("#inspector");
const WAIT = 120;

export class Inspector {
  constructor(address) {
    this.address = address;
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
    this.timer = setTimeout(() => this.load(""), moved ? WAIT : 3 * WAIT);
  }

  refresh() {
    this.key = "";
    if (this.spot) this.load("");
  }

  more(href) {
    this.load(new URL(href, location.href).searchParams.get("k"));
  }

  async load(k) {
    this.request?.abort();
    this.request = new AbortController();
    const url = `${this.address}step/${this.spot.number}/pos/${this.spot.pos}/?branch=${this.spot.branch}${k ? `&k=${k}` : ""}`;
    panel.setAttribute("aria-busy", "true");
    try {
      const response = await fetch(url, { headers: { "HX-Request": "true" }, signal: this.request.signal });
      if (response.ok) window.htmx.swap(panel, await response.text(), { swapStyle: "innerHTML" });
    } catch (error) {
      if (error.name === "AbortError") return;
      this.key = "";
    }
    panel.removeAttribute("aria-busy");
  }

  /** The n-th selectable candidate, counted from 0. */
  candidate(n) {
    return panel.querySelectorAll("input[name=token]:not(:disabled)")[n];
  }

  /** The selectable candidate that comes `by` places after the chosen one. */
  besides(by) {
    const all = [...panel.querySelectorAll("input[name=token]:not(:disabled)")];
    const at = all.indexOf(this.chosen);
    return all[at < 0 ? 0 : Math.max(0, Math.min(all.length - 1, at + by))];
  }

  get chosen() {
    return panel.querySelector("input[name=token]:checked");
  }

  get isMasked() {
    return panel.querySelector("#pick")?.dataset.masked === "1";
  }

  focus() {
    (this.chosen ?? this.candidate(0) ?? panel.querySelector("button"))?.focus();
  }
}
