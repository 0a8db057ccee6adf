// The focus where what has it is replaced or hidden: it goes to the successor and is never lost.
import { $$ } from "./dom.js";

const CONTROLS =
  "a[href], button:enabled, summary, input:enabled:not([type=hidden]), select:enabled, " +
  "textarea:enabled, [tabindex='0']";

const label = (control) => control.getAttribute("aria-label") ?? control.textContent.trim();
// What lies in a closed `details` has a place on the page, but cannot have the focus.
const isSeen = (control) => control.isConnected && control.checkVisibility();
const controls = (scope) => $$(CONTROLS, scope).filter(isSeen);

/** The control with the label that is nearest to the former place: rows have the same buttons. */
function alike(all, was) {
  const far = (one) => Math.abs(all.indexOf(one) - was.place);
  const found = all.filter((one) => label(one) === was.label);
  return found.sort((a, b) => far(a) - far(b))[0];
}

/** What has the focus within `scope`, to be found again later; null if nothing there has. */
export function focusIn(scope) {
  const control = document.activeElement;
  if (!scope?.contains(control) || control === scope) return null;
  return { control, label: label(control), place: controls(scope).indexOf(control) };
}

/**
 * Gives the focus back that `focusIn` told of: to the same control, else to one with its label,
 * else with `nearest` to the one in its place, else to `scope` itself.
 */
export function refocus(scope, was, { nearest = false } = {}) {
  const now = document.activeElement;
  if (!scope || !was || (now !== document.body && isSeen(now))) return;
  const all = controls(scope);
  const same = isSeen(was.control) ? was.control : alike(all, was);
  const beside = nearest ? all[Math.min(was.place, all.length - 1)] : null;
  const next = same ?? beside ?? scope;
  if (next === scope) scope.tabIndex = -1;
  next.focus({ preventScroll: true });
}

/** Carries out a change of the page that may replace or hide what has the focus in a scope. */
export function keepFocus(scope, change, options) {
  const was = focusIn(scope());
  change();
  refocus(scope(), was, options);
}

/** Parts that htmx puts in, asked for or told by a socket, keep it too. */
export function keepFocusOverSwaps() {
  const held = new Map();
  const remember = ({ detail: { target } }) => {
    const was = target?.id ? focusIn(target) : null;
    if (was) held.set(target.id, was);
  };
  const restore = () => {
    for (const [id, was] of held) refocus(document.getElementById(id), was, { nearest: true });
    held.clear();
  };
  for (const name of ["htmx:beforeSwap", "htmx:oobBeforeSwap"])
    document.addEventListener(name, remember);
  for (const name of ["htmx:afterSwap", "htmx:oobAfterSwap"])
    document.addEventListener(name, restore);
}
