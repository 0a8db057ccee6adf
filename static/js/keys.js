// Keys of the workspace (visualizer/views/keymap.py lists them for people). Single letters act only
// while the focus is in the tokens or the timeline, so that they never disturb typing or assistive
// technology.
import { neighbour } from "./branches.js";

const TYPING = "input:not([type=range]):not([type=radio]):not([type=checkbox]), textarea, select";
const PLACES = ".pane-tokens, .pane-time";

const ANYWHERE = {
  "?": (page) => page.help(),
  Escape: (page) => page.escape(),
};

const WITH_ALT = {
  ArrowLeft: (page) => neighbour(page, "up"),
  ArrowRight: (page) => neighbour(page, "down"),
  ArrowUp: (page) => neighbour(page, "before"),
  ArrowDown: (page) => neighbour(page, "after"),
  ".": (page) => page.nextCandidate(1),
  ",": (page) => page.nextCandidate(-1),
};

const IN_PLACE = {
  f: (page) => page.act("forward_pass"),
  a: (page) => page.act("auto_select"),
  r: (page) => page.act("run"),
  m: (page) => page.onPosition("remask"),
  l: (page) => page.onPosition("lock"),
  u: (page) => page.unstage(page.pos),
  b: (page) => page.branch(),
  c: (page) => page.compareWithParent(),
  h: (page) => page.nextPlot(),
  v: (page) => page.nextView(),
  "[": (page) => page.timeline.move("prev"),
  "]": (page) => page.timeline.move("next"),
  "{": (page) => page.timeline.move("first"),
  "}": (page) => page.timeline.move("last"),
  " ": (page) => page.timeline.toggle(),
};

const IN_TOKENS = {
  ArrowLeft: (page) => page.step(-1),
  ArrowRight: (page) => page.step(1),
  ArrowUp: (page) => page.step(-page.cells.columns()),
  ArrowDown: (page) => page.step(page.cells.columns()),
  Home: (page) => page.step(-Infinity),
  End: (page) => page.step(Infinity),
  PageUp: (page) => page.step(-5 * page.cells.columns()),
  PageDown: (page) => page.step(5 * page.cells.columns()),
  Enter: (page) => page.inspector.focus(),
};

function find(event) {
  const target = event.target;
  if (target.closest("dialog")) return null;
  if (target.closest(TYPING)) return event.key === "Escape" ? ANYWHERE.Escape : null;
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  if (document.body.dataset.keys === "off" && IN_PLACE[key] && key !== " ") return null;
  if (target.closest("#tokens") && IN_TOKENS[key]) return IN_TOKENS[key];
  const onButton = target.closest("button, a:not([role=option]), summary");
  if (target.closest(PLACES) && IN_PLACE[key] && !(key === " " && onButton)) return IN_PLACE[key];
  if (target.closest(PLACES) && /^[1-9]$/.test(key)) return (page) => page.stageNth(Number(key) - 1);
  return ANYWHERE[key] ?? null;
}

/** Ctrl or Alt with a key: run or apply, undo and redo of staging, branches, candidates. */
function withModifier(event) {
  if (event.altKey) return event.target.closest(TYPING) ? null : WITH_ALT[event.key];
  if (event.key === "Enter") return (page) => page.applyOrRun();
  if (event.key.toLowerCase() !== "z" || event.target.closest(TYPING)) return null;
  return (page) => page.undoStaging(event.shiftKey ? "forth" : "back");
}

export function listen(page) {
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented) return;
    const modified = event.ctrlKey || event.metaKey || event.altKey;
    const action = modified ? withModifier(event) : find(event);
    if (!action) return;
    if (event.key !== "Escape") event.preventDefault();
    action(page);
  });
}
