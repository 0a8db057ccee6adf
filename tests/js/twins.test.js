// This side of the shared tables; tests/visualizer/test_twins.py holds Python to the same cases.
import { blockerOf } from "/static/js/actions.js";
import { verdictsOf } from "/static/js/answers.js";
import { look } from "/static/js/look.js";
import { kendall } from "/static/js/order.js";
import { rowsAt } from "/static/js/rows.js";
import { canvasAt, fromSnapshot, reduce, tip } from "/static/js/state.js";
import { sentence } from "/static/js/status.js";
import { cellText, glyphs, isSpecial, percent } from "/static/js/text.js";
import { errorWords } from "/static/js/toasts.js";
import { equal, near, test, twins } from "./harness.js";

test("texts", async () => {
  for (const { text, ...wanted } of await twins("text")) {
    const found = { glyphs: glyphs(text), cell: cellText(text), special: isSpecial(text) };
    equal(found, wanted, text);
  }
});

test("percents", async () => {
  for (const { probability, text } of await twins("percent")) equal(percent(probability), text);
});

test("references", async () => {
  for (const { error_type, reference } of await twins("references")) {
    const { note } = errorWords({ message: "", error_type, correlation_id: "c0ffee" });
    equal(note, reference, error_type);
  }
});

test("actions", async () => {
  for (const { now, blockers } of await twins("actions")) {
    const { running, masked, has_pass: hasPass, staged, read_only: readOnly } = now;
    const here = { running, masked, hasPass, staged, readOnly, online: true };
    const names = Object.keys(blockers);
    const found = Object.fromEntries(names.map((name) => [name, blockerOf(name, here)]));
    equal(found, blockers, JSON.stringify(now));
  }
});

test("cells", async () => {
  const plain = { id: 0, pos: 0, label: "", by: "", p: null, step: 0 };
  const flags = {
    prompt: false,
    locked: false,
    masked: false,
    idle: false,
    again: false,
    special: false,
  };
  for (const { what, row, view, text, names } of await twins("cells")) {
    const staged = view.staged ? { 0: { label: view.staged } } : {};
    const at = { number: 0, tip: 0, mode: "cells", colour: "confidence", ...view, staged };
    equal(look({ ...plain, ...flags, ...row }, at), [names, text], what);
  }
});

test("rows", async () => {
  for (const { what, session, given, steps, number, rows, open } of await twins("rows")) {
    const slots = given.map(([slot, token, label]) => [slot, token, label, "", 1, 0]);
    const head = { branch: 1, number };
    const rest = { number: 1, branches: [], forwards: {}, staged: { selections: {} }, run: null };
    const state = fromSnapshot({ session, slots, head, steps, ...rest });
    const names = Object.keys(rows[0]);
    const found = rowsAt(state, number, open).map((row) => ({ ...row, slot: row.id }));
    const told = found.map((row) => Object.fromEntries(names.map((name) => [name, row[name]])));
    equal(told, rows, what);
  }
});

test("status", async () => {
  const cut = { op: "insert", new: [1, 2], surplus: true };
  for (const row of await twins("status")) {
    const { step, text, pass, thinned, run, right = 0, wrong = 0, ...at } = row;
    const ops = step?.ops.map((op) => (op === "surplus" ? cut : { op, new: [1, 2] }));
    const judged = [...Array(right).fill("right"), ...Array(wrong).fill("wrong")];
    const verdicts = verdictsOf(judged.map((verdict) => ({ verdict })));
    const steps = new Map(step ? [[at.shown, { ...step, ops }]] : []);
    const heat = new Map(pass ? [[at.shown, ""]] : []);
    const state = {
      steps,
      heat,
      thinned: new Set(thinned ? [at.shown] : []),
      run: { status: run },
    };
    equal(sentence(state, { ...at, readOnly: at.read_only, verdicts }), text);
  }
});

test("kendall", async () => {
  for (const { pairs, tau } of await twins("kendall")) {
    if (tau === null) equal(kendall(pairs), null);
    else near(kendall(pairs), tau, 1e-9);
  }
});

/** All that a page draws from. */
function told(state) {
  const canvases = Array.from({ length: tip(state) + 1 }, (_, number) => canvasAt(state, number));
  const { number, path, head, run, staged, session, heat, entropy } = state;
  const branches = [...state.branches.values()];
  const known = { number, path, head, run, staged, session, heat, entropy, branches, canvases };
  return { ...known, notes: [...state.notes.values()] };
}

test("reducer", async () => {
  for (const { what, snapshot, events, fresh } of await twins("reducer")) {
    const state = fromSnapshot(structuredClone(snapshot));
    const changed = events.flatMap((event) => reduce(state, event));
    equal(changed.includes("gap"), false, what);
    equal(told(state), told(fromSnapshot(fresh)), what);
  }
});
