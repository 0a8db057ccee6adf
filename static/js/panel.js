// A part of the page that htmx fetches: a newer request takes the place of an older one, and one
// that fails says so in the panel.
import { element } from "./dom.js";

export class Panel {
  /** `again()` is called by the button that stands there after a failure. */
  constructor(root, again) {
    Object.assign(this, { root, again });
    root.setAttribute("hx-sync", "this:replace");
    for (const name of ["htmx:responseError", "htmx:sendError"]) {
      root.addEventListener(name, (event) => this.failed(event));
    }
  }

  async load(url) {
    const { root } = this;
    this.wanted = url;
    root.setAttribute("aria-busy", "true");
    try {
      await window.htmx.ajax("GET", url, { source: root, target: root, swap: "innerHTML" });
    } catch {
      return; // htmx has sent one of the events, and `failed` has told
    }
    if (this.wanted === url) root.removeAttribute("aria-busy");
  }

  failed(event) {
    event.stopPropagation(); // no toast for every token that is looked at without a connection
    const words = element("p", "This could not be loaded. ", "small panel-failed");
    const button = element("button", "Try again", "btn btn-small");
    button.type = "button";
    button.addEventListener("click", () => this.again());
    words.append(button);
    this.root.querySelector(".panel-failed")?.remove();
    this.root.prepend(words);
    this.root.removeAttribute("aria-busy");
  }
}
