// Keys of the workspace (visualizer/views/keymap.py lists them for people). Single letters act only
// while the focus is in the tokens, in the timeline or nowhere, so that they never disturb typing;
// they can be turned off in the settings.

const TYPING = "input:not([type=range]):not([type=radio]):not([type=checkbox]), textarea, select";
const PLACES = ".pane-tokens, .pane-time";
const BUTTON = "button, a:not([role=option]), summary";

const ANYWHERE = {
  "?": (page) => page.steering.help(),
  Escape: (page) => (page.sheet.isOpen ? page.sheet.close() : page.steering.escape()),
};

const WITH_ALT = {
  ArrowLeft: (page) => page.steering.goToBranch("up"),
  ArrowRight: (page) => page.steering.goToBranch("down"),
  ArrowUp: (page) => page.steering.goToBranch("before"),
  ArrowDown: (page) => page.steering.goToBranch("after"),
  ".": (page) => page.steering.nextCandidate(1),
  ",": (page) => page.steering.nextCandidate(-1),
};

const IN_PLACE = {
  f: (page) => page.steering.act("forward_pass"),
  a: (page) => page.steering.act("auto_select"),
  r: (page) => page.steering.act("run"),
  m: (page) => page.steering.onPosition("remask"),
  l: (page) => page.steering.onPosition("lock"),
  u: (page) => page.steering.unstage(page.pos),
  b: (page) => page.steering.branch(),
  c: (page) => page.steering.compareWithParent(),
  h: (page) => page.chrome.nextPlot(),
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

/** What a key stands for where the focus is; `lettersOff`: single letters do nothing. */
export function intentOf(key, target, lettersOff = false) {
  if (target.closest("dialog")) return null;
  if (target.closest(TYPING)) return key === "Escape" ? ANYWHERE.Escape : null;
  const name = key.length === 1 ? key.toLowerCase() : key;
  if (lettersOff && IN_PLACE[name] && name !== " ") return null;
  if (target.closest("#tokens") && IN_TOKENS[name]) return IN_TOKENS[name];
  const nowhere = target === target.ownerDocument.body;
  return ((nowhere || target.closest(PLACES)) && inPlace(name, target)) || ANYWHERE[name] || null;
}

function inPlace(name, target) {
  if (/^[1-9]$/.test(name)) return (page) => page.steering.stageNth(Number(name) - 1);
  const presses = name === " " && target.closest(BUTTON);
  return presses ? null : IN_PLACE[name];
}

/** Ctrl or Alt with a key: run or apply, undo and redo of staging, branches, candidates. */
export function modifiedIntentOf({ key, altKey, shiftKey, target }) {
  if (altKey) return target.closest(TYPING) ? null : (WITH_ALT[key] ?? null);
  if (key === "Enter") return (page) => page.steering.applyOrRun();
  if (key.toLowerCase() !== "z" || target.closest(TYPING)) return null;
  return (page) => page.steering.undoStaging(shiftKey ? "forth" : "back");
}

export function listen(page) {
  const lettersOff = document.body.dataset.keys === "off";
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented) return;
    const modified = event.ctrlKey || event.metaKey || event.altKey;
    const { key, target } = event;
    const intent = modified ? modifiedIntentOf(event) : intentOf(key, target, lettersOff);
    if (!intent) return;
    if (key !== "Escape") event.preventDefault();
    intent(page);
  });
}
