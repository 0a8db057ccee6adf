// The branch panel: rename, mark, prune with undo, bring back, fill open places from another
// branch.
import { $ } from "./dom.js";
import { toast } from "./toasts.js";

const MESSAGES = {
  rename: (branch, { name }) => ({ type: "change_branch", branch, name: name.trim() }),
  mark: (branch, { marked }) => ({ type: "change_branch", branch, marked: marked === "on" }),
  prune: (branch) => ({ type: "prune", branch }),
  restore: (branch) => ({ type: "restore", branch }),
  merge: (branch) => ({ type: "merge", branch }),
};

/** The command that a form of the panel stands for; `values`: its fields by name. */
export const branchMessage = (what, branch, values) => MESSAGES[what](branch, values);

/** Carry out what a form of the panel stands for. */
export async function changeBranch(page, form) {
  const what = form.dataset.branchDo;
  const branch = Number(form.dataset.id);
  const name = page.state.branches.get(branch)?.name ?? "The branch";
  close(form.closest("details.menu"));
  if (what === "merge" && !(await page.steering.here())) return;
  const values = Object.fromEntries(new FormData(form));
  const reply = await page.commands.send(branchMessage(what, branch, values));
  if (!reply) return;
  if (what === "merge") toast("good", `Masks were filled from ${name}: one step.`);
  if (what === "prune") {
    const undo = () => page.commands.send(MESSAGES.restore(branch));
    toast("info", `${name} was archived.`, { action: { label: "Undo", run: undo } });
  }
}

function close(menu) {
  const isInside = menu?.contains(document.activeElement);
  menu?.removeAttribute("open");
  if (isInside) $("summary", menu).focus();
}

/** Where a branch begins and how long it is: `from 3 · 21 steps`. */
export function branchWords({ parent, fork_number: fork, steps }) {
  const from = parent ? `from ${fork}` : "";
  return steps ? `${from} · ${steps} step${steps === 1 ? "" : "s"}` : from;
}

const WAYS = {
  up: (rows, shown) => rows.find((row) => row.id === shown?.parent),
  down: (rows, shown) => rows.findLast((row) => row.parent === shown?.id),
  before: (rows, shown) => beside(rows, shown, -1),
  after: (rows, shown) => beside(rows, shown, 1),
};

function beside(rows, shown, by) {
  const siblings = rows.filter((row) => row.parent === shown?.parent);
  return siblings[siblings.findIndex((row) => row.id === shown?.id) + by];
}

/** The branch `up`, `down`, `before` or `after` the shown one in the tree, if there is one. */
export function neighbour(state, where) {
  const there = [...state.branches.values()].filter((row) => !row.pruned);
  const rows = there.sort((a, b) => a.id - b.id);
  return WAYS[where](rows, state.branches.get(state.path));
}
