// The address of what is looked at, so that a reload, the way back and a copied link are right.

const DEFAULTS = { view: "cells", colour: "confidence" };

/** `step` null: wherever the branch's newest work stands. The usual view and colour are left
 * out. */
export function addressOf(base, { branch, step = null, pos = null, ...look }) {
  const asked = new URLSearchParams({ branch });
  if (step !== null) asked.set("step", step);
  if (pos !== null) asked.set("pos", pos);
  for (const [name, usual] of Object.entries(DEFAULTS)) {
    if (look[name] && look[name] !== usual) asked.set(name, look[name]);
  }
  return `${base}?${asked}`;
}

/** The comparison of a branch with its parent; without one, the page where sides are chosen. */
export function comparisonOf(base, { branches, path }) {
  const parent = branches.get(path)?.parent;
  return `${base}compare/${parent ? `?a=${parent}&b=${path}` : ""}`;
}
