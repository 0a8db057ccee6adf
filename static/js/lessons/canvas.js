// The canvas of a lesson's run after some of its steps, folded from drafts: the first has the whole
// canvas, each later one what its step did.

function places({ canvas, given }) {
  return canvas.map((label, slot) => ({
    slot,
    label: given[slot] ? label : "",
    given: Boolean(given[slot]),
    masked: !given[slot],
  }));
}

const OPS = {
  commit: write,
  edit: write,
  remask: (rows, op) => {
    change(rows, op.slot, { label: "", p: null, masked: true, reopened: true });
  },
  delete: (rows, op) => {
    const at = rows.findIndex((row) => row.slot === op.slot);
    if (at >= 0) rows.splice(at, 1);
  },
  insert: (rows, op) => {
    const at = rows.findIndex((row) => row.slot === op.slot);
    const made = op.new.map((slot) => ({
      slot,
      label: "",
      given: false,
      masked: true,
      added: true,
    }));
    rows.splice(at + 1, 0, ...made);
  },
};

function change(rows, slot, values) {
  const at = rows.findIndex((row) => row.slot === slot);
  if (at >= 0) rows[at] = { ...rows[at], ...values };
}

function write(rows, { slot, label, p }, step) {
  change(rows, slot, { label, p, masked: false, step });
}

/** Rows {slot, label, given, masked, p, step, reopened, added} after `count` steps. */
export function canvasAt(drafts, count) {
  const rows = places(drafts[0]);
  for (const [step, { ops }] of drafts.slice(0, count + 1).entries()) {
    for (const op of ops) OPS[op.op]?.(rows, op, step);
  }
  return rows;
}

/** Positions that are not as in the one right answer; none where no answer is known. */
export function wrongOf(rows, expected) {
  if (!expected) return new Set();
  const written = rows.map((row, at) => !row.masked && row.label !== expected[at]);
  return new Set(written.flatMap((wrong, at) => (wrong ? [at] : [])));
}

/** What is said of a canvas: how far it is and, at the end, what came of it. */
export function statusOf(rows, { step, last, wrong, judged }) {
  const open = rows.filter((row) => row.masked).length;
  const filled = rows.filter((row) => !row.given).length - open;
  if (step < last) return `Step ${step} of ${last}: ${filled} filled, ${open} masked.`;
  const words = `Finished after ${last} step${last === 1 ? "" : "s"}.`;
  if (!judged) return words;
  if (!wrong) return `${words} ✓ Every cell right.`;
  return `${words} ✗ ${wrong} cell${wrong === 1 ? "" : "s"} wrong.`;
}
