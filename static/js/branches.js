// The branch panel: rename, mark, prune with undo, bring back, fill open places from another branch.
import { toast } from "./toasts.js";

const MESSAGES = {
  rename: (branch, form) => ({ type: "change_branch", branch, name: form.elements.name.value.trim() }),
  mark: (branch, form) => ({ type: "change_branch", branch, marked: form.elements.marked.value === "on" }),
  prune: (branch) => ({ type: "prune", branch }),
  restore: (branch) => ({ type: "restore", branch }),
  merge: (branch) => ({ type: "merge", branch }),
};

/** Carry out what a form of the panel stands for. */
export async function branchDo(page, form) {
  const what = form.dataset.branchDo;
  const branch = Number(form.dataset.id);
  const name = page.state.branches.get(branch)?.name ?? "The branch";
  form.closest("details.menu")?.removeAttribute("open");
  if (what === "merge" && !(await page.here())) return;
  const reply = await page.commands.send(MESSAGES[what](branch, form));
  if (!reply) return;
  if (what === "merge") toast("good", `Open places were filled from ${name}: one step.`);
  if (what === "prune") {
    const undo = () => page.commands.send(MESSAGES.restore(branch));
    toast("info", `${name} was put away.`, { action: { label: "Undo", run: undo } });
  }
}

/** The branch above, below, before or after the shown one in the tree; Alt + arrows. */
export function neighbour(page, where) {
  const rows = [...page.state.branches.values()].filter((row) => !row.pruned).sort((a, b) => a.id - b.id);
  const shown = page.state.branches.get(page.state.path);
  const siblings = rows.filter((row) => row.parent === shown?.parent);
  const at = siblings.findIndex((row) => row.id === shown?.id);
  const found = {
    up: () => rows.find((row) => row.id === shown?.parent),
    down: () => rows.findLast((row) => row.parent === shown?.id),
    before: () => siblings[at - 1],
    after: () => siblings[at + 1],
  }[where]();
  if (found) location.assign(`${page.address}?branch=${found.id}`);
}
