// The written text of one side: what was typed, then a button for each token. Only what is new is
// made anew, so that only new tokens fade in.
import { element } from "../dom.js";
import { costWords, depthOf } from "./drawer_text.js";

export class Output {
  /** `pick(number)` after a click on a token of the tree. */
  constructor(place, pick) {
    this.place = place;
    this.text = element("span", "", "typed");
    this.line = element("span");
    this.cursor = element("span");
    place.append(this.text, this.line, this.cursor);
    this.shown = [];
    place.addEventListener("click", (event) => {
      const button = event.target.closest("[data-node]");
      if (button) pick(Number(button.dataset.node));
    });
  }

  /** `scored`: tokens of the typed text with their cost, or null. */
  draw(tree, { colour, playing, scored }) {
    this.typed(tree.text, scored, colour);
    this.tokens(tree, colour);
    this.cursor.className = playing ? "cursor" : "";
    this.cursor.textContent = playing ? "█" : "";
    this.place.scrollTop = this.place.scrollHeight;
  }

  typed(text, scored, colour) {
    if (!scored) {
      if (this.text.textContent !== text || this.text.children.length)
        this.text.replaceChildren(text);
      return;
    }
    const spans = scored.map((one) => {
      const span = element("span", one.text, "scored");
      span.title = `${JSON.stringify(one.text)}: ${costWords(one)}`;
      this.paint(span, one, colour === "none" ? "surprise" : colour);
      return span;
    });
    this.text.replaceChildren(...spans);
  }

  tokens(tree, colour) {
    const path = tree.path();
    let same = 0;
    while (same < path.length && this.shown[same] === path[same] && this.tree === tree) same += 1;
    while (this.line.children.length > same) this.line.lastElementChild.remove();
    for (const number of path.slice(same)) this.line.append(this.button(tree, number));
    path.forEach((number, place) => {
      this.paint(this.line.children[place].firstElementChild, tree.nodes[number], colour);
    });
    this.shown = path;
    this.tree = tree;
  }

  /** A line break inside a button breaks nothing: it is shown, and made behind it. */
  button(tree, number) {
    const node = tree.nodes[number];
    const piece = element("span");
    const breaks = node.token.match(/\n/g)?.join("") ?? "";
    const button = element("button", node.token.replace(/\n/g, "↵"), "token");
    button.type = "button";
    button.dataset.node = number;
    button.title = `${costWords(node)}: click for its alternatives`;
    piece.append(button, breaks);
    return piece;
  }

  paint(one, node, colour) {
    const depth = depthOf(node, colour);
    if (depth === null) delete one.dataset.depth;
    else one.dataset.depth = depth;
  }
}
