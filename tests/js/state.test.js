import { levelsAt } from "/static/js/levels.js";
import { rowsAt, stepsLeft } from "/static/js/rows.js";
import {
  atHead,
  canvasAt,
  fromSnapshot,
  isRunning,
  placesAt,
  reduce,
  tip,
} from "/static/js/state.js";
import { equal, test } from "./harness.js";

const commit = (slot, token, p = 0.5) => ({ op: "commit", slot, token, label: "x", by: "auto", p });
const step = (number, ops, more = {}) => ({ branch: 1, number, by: "manual", ops, ...more });
const branch = (id, parent, fork_number, steps = 0) => ({
  id,
  name: `b${id}`,
  parent,
  fork_number,
  steps,
});

function begin({ steps = [], forwards = {}, branches = [branch(1, null, 0)], number = 0 } = {}) {
  return fromSnapshot({
    number: 10,
    session: { prompt_length: 1, gen_length: 4, block_length: 2, mask_id: 9 },
    slots: [[0, 5, "once", "", 1, 0]],
    head: { branch: 1, number },
    staged: { selections: {} },
    run: null,
    branches,
    steps,
    forwards,
  });
}

const event = (number, type, payload) => ({ number, type, payload });
const tokens = (state, number) => canvasAt(state, number).map((row) => row.token);

test("every step stays readable while the newest one grows", () => {
  const state = begin({ steps: [step(1, [commit(1, 7)]), step(2, [commit(3, 8)])] });
  equal(tokens(state, 0), [5, 9, 9, 9, 9]);
  equal(tokens(state, 1), [5, 7, 9, 9, 9]);
  equal(tokens(state, 2), [5, 7, 9, 8, 9]);
  equal(tip(state), 2);
});

test("an event that was seen does nothing, one too far ahead is a gap", () => {
  const state = begin();
  equal(reduce(state, event(10, "run", { status: "running" })), []);
  equal(isRunning(state), false);
  equal(reduce(state, event(12, "run", { status: "running" })), ["gap"]);
  equal(state.number, 10);
  equal(reduce(state, event(11, "run", { status: "running" })), ["run"]);
  equal(isRunning(state), true);
});

test("an unknown kind of event only counts", () => {
  const state = begin();
  equal(reduce(state, event(11, "weather", {})), []);
  equal(state.number, 11);
});

test("a fork from the head is followed, and the parent's later steps go", () => {
  const state = begin({ steps: [step(1, [commit(1, 7)]), step(2, [commit(2, 8)])], number: 1 });
  reduce(state, event(11, "branch", branch(2, 1, 1)));
  const changed = reduce(state, event(12, "step", step(2, [commit(4, 6)], { branch: 2 })));
  equal(changed, ["cells", "steps"]);
  equal([state.path, state.head], [2, { branch: 2, number: 1 }]);
  equal(tokens(state, 2), [5, 7, 9, 9, 6]);
  equal(state.branches.get(2).steps, 1);
});

test("a run on another branch is elsewhere, but counts", () => {
  const state = begin({ branches: [branch(1, null, 0), branch(2, 1, 0)] });
  const told = reduce(state, event(11, "step", step(1, [commit(1, 7)], { branch: 2, by: "run" })));
  equal(told, ["elsewhere"]);
  equal([state.path, tip(state), state.branches.get(2).steps], [1, 0, 1]);
});

test("passes of other branches are no concern, those on the way are", () => {
  const branches = [branch(1, null, 0, 3), branch(2, 1, 2), branch(3, 1, 1)];
  const state = begin({ branches, steps: [step(1, []), step(2, [])] });
  state.path = 2;
  const pass = (number, on) => ({ branch: on, number, heat: "", entropy: 1 });
  equal(reduce(state, event(11, "forward", pass(1, 1))), ["heat"]);
  equal(reduce(state, event(12, "forward", pass(3, 1))), []);
  equal(reduce(state, event(13, "forward", pass(2, 3))), []);
  equal([...state.heat.keys()], [1]);
});

test("places shift with what is inserted and deleted; slots do not", () => {
  const ops = [
    { op: "insert", slot: 1, new: [20, 21] },
    { op: "delete", slot: 3 },
  ];
  const state = begin({ steps: [step(1, ops)] });
  equal(
    [...placesAt(state, 0)],
    [
      [0, 0],
      [1, 1],
      [2, 2],
      [3, 3],
      [4, 4],
    ],
  );
  equal(
    [...placesAt(state, 1)],
    [
      [0, 0],
      [1, 1],
      [20, 2],
      [21, 3],
      [2, 4],
      [4, 5],
    ],
  );
});

test("levels of a pass go by slot", () => {
  const heat = btoa(String.fromCharCode(0, 10, 20, 30, 40));
  const ops = [{ op: "delete", slot: 2 }];
  const forwards = { 0: { heat, entropy: 1 }, 1: { heat, entropy: 1 } };
  const state = begin({ steps: [step(1, ops)], forwards });
  equal(levelsAt(state, 0), [0, 10, 20, 30, 40]);
  equal(levelsAt(state, 1), [0, 10, -1, 20, 30]);
  equal(levelsAt(state, 2), null);
});

test("locks hold from their step on", () => {
  const state = begin({
    steps: [step(1, [{ op: "lock", slot: 2 }]), step(2, [{ op: "unlock", slot: 2 }])],
  });
  equal(
    [0, 1, 2].map((number) => canvasAt(state, number)[2].locked),
    [false, true, false],
  );
});

test("a run's remaining steps are guessed from its last one", () => {
  const state = begin({ steps: [step(1, [commit(1, 7), commit(2, 7)])] });
  equal(stepsLeft(state, rowsAt(state, 1), 1), 1);
  equal(stepsLeft(state, rowsAt(state, 0), 0), 4);
});

test("the head is a branch and a step", () => {
  const state = begin({ steps: [step(1, [])], number: 1 });
  equal([atHead(state, 1), atHead(state, 0)], [true, false]);
  state.path = 2;
  equal(atHead(state, 1), false);
});
