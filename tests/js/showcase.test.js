import { gridAt, verdictAt } from "/static/js/showcase.js";
import { equal, test } from "./harness.js";

const RUN = {
  cells: ["5", null, null],
  frames: [[[2, "1", 0.9]], [[1, "2", 0.8]]],
  wrong: [1],
};

test("showcase: cells after so many frames", () => {
  equal(gridAt(RUN, 0).texts, ["5", "·", "·"]);
  equal(gridAt(RUN, 1).texts, ["5", "·", "1"]);
  equal([...gridAt(RUN, 1).now], [2]);
  equal(gridAt(RUN, 9).texts, ["5", "2", "1"]);
});

test("showcase: wrong cells and the verdict stand when the recording has ended, not before", () => {
  equal([...gridAt(RUN, 1).wrong], []);
  equal([...gridAt(RUN, 2).wrong], [1]);
  equal(verdictAt(RUN.frames, 0, "wrong"), "0 of 2 cells");
  equal(verdictAt(RUN.frames, 1, "wrong"), "1 of 2 cells");
  equal(verdictAt(RUN.frames, 2, "wrong"), "wrong");
});
