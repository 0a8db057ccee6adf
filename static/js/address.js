// The address of what is looked at, so that a reload, the way back and a copied link are right.

/** `step` null: wherever the branch's newest work stands. */
export function addressOf(base, { branch, step = null, pos = null }) {
  const asked = new URLSearchParams({ branch });
  if (step !== null) asked.set("step", step);
  if (pos !== null) asked.set("pos", pos);
  return `${base}?${asked}`;
}

/** The comparison of a branch with its parent; without one, the page where sides are chosen. */
export function comparisonOf(base, { branches, path }) {
  const parent = branches.get(path)?.parent;
  return `${base}compare/${parent ? `?a=${parent}&b=${path}` : ""}`;
}
