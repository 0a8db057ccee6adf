// The tree of what was tried, as nested lists: tokens without a fork stand together in one line.
import { element } from "../dom.js";
import { tokenName } from "./bars.js";
import { costWords } from "./drawer_text.js";

export class TreeView {
  /** `pick(number)` after a click on a line: the node that it ends in. */
  constructor(place, pick) {
    this.place = place;
    place.addEventListener("click", ({ target }) => {
      const button = target.closest("[data-node]");
      if (button) pick(Number(button.dataset.node));
    });
  }

  /** Draws what has changed; one line that is growing needs no picture of itself. */
  draw(tree, growing) {
    const state = `${tree.version}|${tree.at}`;
    if ((growing && tree.leaves < 2) || (this.tree === tree && this.state === state)) return;
    Object.assign(this, { tree, state });
    this.place.replaceChildren(list(tree, tree.runs(), new Set(tree.path())));
  }
}

function list(tree, runs, shown) {
  const made = element("ul", "", "runs");
  made.append(...runs.map((run) => item(tree, run, shown)));
  return made;
}

function item(tree, { nodes, children }, shown) {
  const made = element("li");
  const last = nodes.at(-1);
  const button = element("button", textOf(tree, nodes), "run");
  button.type = "button";
  button.dataset.node = last;
  button.title = costWords(tree.nodes[nodes[0]]);
  if (shown.has(nodes[0])) button.setAttribute("aria-current", "true");
  const cost = element("span", `${tree.nats(last).toFixed(1)} nats`, "small muted num");
  made.append(button, " ", cost);
  if (children.length) made.append(list(tree, children, shown));
  return made;
}

/** A run's text on one line; one that shows nothing is named. */
function textOf(tree, nodes) {
  const text = nodes.map((number) => tree.nodes[number].token).join("");
  const named = nodes.map((number) => tokenName(tree.nodes[number].token)).join("");
  return text.trim() ? text.replace(/\n/g, "\\n") : named;
}
