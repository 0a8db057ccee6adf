// What is right and wrong where the answer is known: the session's snapshot tells it. The same
// rules as `_with_verdicts` of visualizer/views/cells.py and `conflicts_in` of
// visualizer/selectors/answers.py; tests/data/twins/rows.json has cases for both.

/** Slots whose label stands in one of their groups again. `labels`: slot → what is written. */
export function conflictsIn(labels, groups) {
  const found = new Set();
  for (const group of groups) {
    const seen = new Map();
    for (const slot of group.filter((one) => labels.has(one))) {
      const label = labels.get(slot);
      seen.set(label, [...(seen.get(label) ?? []), slot]);
    }
    for (const slots of seen.values())
      if (slots.length > 1) for (const one of slots) found.add(one);
  }
  return found;
}

/** Marks every row with its `verdict` ("right", "wrong" or "") and whether it is in `conflict`. */
export function withVerdicts(rows, answer) {
  if (!answer) return rows;
  const written = rows.filter((row) => !row.masked);
  const clash = conflictsIn(new Map(written.map((row) => [row.id, row.label])), answer.groups);
  for (const row of rows) {
    const right = row.masked || row.prompt ? undefined : answer.expected[row.id];
    row.verdict = right === undefined ? "" : row.label === right ? "right" : "wrong";
    row.conflict = clash.has(row.id);
  }
  return rows;
}

/** `, 3 right, 1 wrong` where the answer is known; the same as `verdicts_of` of
 * visualizer/views/status.py. */
export function verdictsOf(rows) {
  const told = ["right", "wrong"].map((name) => [
    name,
    rows.filter((row) => row.verdict === name).length,
  ]);
  return told.map(([name, count]) => (count ? `, ${count} ${name}` : "")).join("");
}
