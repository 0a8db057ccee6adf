import {
  fold,
  LIGHTS,
  lossWords,
  modelWords,
  timeWords,
} from "/static/js/playground/training/curve_state.js";
import { ENDED, followTraining } from "/static/js/playground/training/drawer_model.js";
import { equal, test } from "./harness.js";

const point = (step, loss = 1) => ({ first: step, step, loss, held_out: loss, seconds: step });
const status = (state, step) => ({ state, step, steps: 10, name: "Cats", parameters: 15400 });
const WHOLE = {
  type: "whole",
  number: 4,
  status: status("running", 2),
  points: [point(1), point(2)],
  moments: [{ step: 0, prompt: "A", sample: "b" }],
};

test("the whole, then what its events change, each once", () => {
  let state = fold(null, WHOLE);
  const more = { type: "points", number: 5, points: [point(3)], status: status("running", 3) };
  state = fold(state, more);
  equal(
    state.points.map((row) => row.step),
    [1, 2, 3],
  );
  equal(state.status.step, 3);
  equal(fold(state, more) === state, true);
  equal(fold(state, { type: "heartbeat" }) === state, true);
});

test("whoever goes on from a checkpoint takes back what came after it", () => {
  let state = fold(null, WHOLE);
  state = fold(state, { type: "rewound", number: 5, step: 1, status: status("running", 1) });
  equal(
    state.points.map((row) => row.step),
    [1],
  );
  state = fold(state, { type: "points", number: 6, points: [point(2, 0.5)] });
  equal(state.points[1].loss, 0.5);
  equal(state.number, 6);
});

test("a snapshot replaces everything", () => {
  const state = fold(fold(null, WHOLE), { ...WHOLE, number: 2, points: [] });
  equal(state.points, []);
  equal(state.number, 2);
});

test("figures in words", () => {
  equal(timeWords(null), "–");
  equal(timeWords(42.4), "42 s");
  equal(timeWords(600), "10 min");
  equal(timeWords(7200), "2.0 h");
  equal(lossWords(null), "–");
  equal(lossWords(1.23456), "1.235");
  equal(modelWords(status("running", 7)), "Cats (15K params, step 7)");
  equal(Object.keys(LIGHTS).length, 6);
});

function drawerOf(models) {
  const model = document.createElement("select");
  for (const name of models) model.add(new Option(name, name));
  const told = [];
  return {
    model,
    told,
    draw() {},
    halt: () => told.push("halt"),
    say: (words) => told.push(words),
  };
}

function pageOf(state, model = "") {
  const page = document.createElement("div");
  Object.assign(page.dataset, { state, model, words: "Cats (15K params, step 7)", context: "64" });
  return page;
}

test("the page's training is the drawer's model, and its end pauses the drawer", () => {
  const drawer = drawerOf(["smollm2"]);
  const page = pageOf("running");
  followTraining(drawer, page);
  equal(drawer.model.value, "smollm2");
  page.dataset.model = "trained/cats";
  document.dispatchEvent(new CustomEvent("training:state"));
  equal(drawer.model.value, "trained/cats");
  equal(drawer.model.selectedOptions[0].dataset.words, "Cats (15K params, step 7)");
  equal(drawer.told, []);
  page.dataset.state = "done";
  document.dispatchEvent(new CustomEvent("training:state"));
  equal(drawer.told, ["halt", ENDED]);
  document.dispatchEvent(new CustomEvent("training:state"));
  equal(drawer.told, ["halt", ENDED]);
});

test("another model goes on when the page's training ends", () => {
  const drawer = drawerOf(["smollm2", "trained/cats"]);
  const page = pageOf("running", "trained/cats");
  followTraining(drawer, page);
  equal(drawer.model.value, "trained/cats");
  drawer.model.value = "smollm2";
  page.dataset.state = "failed";
  document.dispatchEvent(new CustomEvent("training:state"));
  equal(drawer.told, []);
  equal(drawer.model.value, "smollm2");
});
