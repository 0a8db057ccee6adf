import { canvasAt, statusOf, wrongOf } from "/static/js/lessons/canvas.js";
import { wordsOf } from "/static/js/lessons/cells.js";
import { framesOf } from "/static/js/lessons/live.js";
import { fromSnapshot, notesOf, reduce } from "/static/js/state.js";
import { equal, test } from "./harness.js";

const DRAFTS = [
  { canvas: ["a", "[M]", "[M]"], given: [1, 0, 0], ops: [] },
  { ops: [{ op: "commit", slot: 2, label: "c", p: 0.5 }] },
  { ops: [{ op: "insert", slot: 1, new: [7] }] },
  {
    ops: [
      { op: "delete", slot: 1 },
      { op: "remask", slot: 2 },
      { op: "commit", slot: 7, label: "x" },
    ],
  },
];
const texts = (count) =>
  canvasAt(DRAFTS, count)
    .map((row) => row.label || "·")
    .join("");

test("lessons: the canvas after so many steps", () => {
  equal([0, 1, 2, 3].map(texts), ["a··", "a·c", "a··c", "ax·"]);
  equal(canvasAt(DRAFTS, 3)[2].reopened, true);
  equal(canvasAt(DRAFTS, 2)[2].added, true);
});

test("lessons: what is wrong, and what is said at the end", () => {
  const rows = canvasAt(DRAFTS, 1);
  equal([...wrongOf(rows, ["a", "b", "d"])], [2]);
  equal([...wrongOf(rows, undefined)], []);
  equal(
    statusOf(rows, { step: 1, last: 3, wrong: 0, judged: true }),
    "Step 1 of 3: 1 filled, 1 masked.",
  );
  const end = { step: 3, last: 3, judged: true };
  equal(statusOf(rows, { ...end, wrong: 1 }), "Finished after 3 steps. ✗ 1 cell wrong.");
  equal(statusOf(rows, { ...end, wrong: 0 }), "Finished after 3 steps. ✓ Every cell right.");
  equal(wordsOf(rows[2], 2, true), "Place 3: c, written in step 1 at 50.0 %, wrong");
});

test("lessons: frames of a stream that comes in pieces", () => {
  const { frames, rest } = framesOf(': ping\n\nid: 1\ndata: {"a": 1}\n\ndata: {"b"');
  equal(frames, [{ a: 1 }]);
  equal(rest, 'data: {"b"');
});

test("notes: those of the shown path, and what events change", () => {
  const branch = { name: "", steps: 3, fork_number: 0, parent: null };
  const state = fromSnapshot({
    number: 1,
    session: { prompt_length: 0, gen_length: 0, mask_id: 0 },
    head: { branch: 1, number: 0 },
    branches: [
      { ...branch, id: 1 },
      { ...branch, id: 2, parent: 1, fork_number: 1 },
    ],
    slots: [],
    steps: [],
    forwards: {},
    notes: [
      { branch: 1, number: 2, text: "late" },
      { branch: 2, number: 2, text: "elsewhere" },
    ],
  });
  const note = (number, payload) => reduce(state, { number, type: "note", payload });
  equal(note(2, { branch: 1, number: 0, text: "start" }), ["notes"]);
  equal(
    notesOf(state).map(({ text }) => text),
    ["start", "late"],
  );
  note(3, { branch: 1, number: 2, text: "" });
  equal(notesOf(state).length, 1);
});
