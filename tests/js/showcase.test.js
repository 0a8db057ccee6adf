import { gridAt } from "/static/js/showcase.js";
import { equal, test } from "./harness.js";

const RUN = { cells: ["5", null, null], frames: [[[2, "1", 0.9]], [[1, "2", 0.8]]] };

test("showcase: cells after so many frames", () => {
  equal(gridAt(RUN, 0), { texts: ["5", "·", "·"], now: new Set() });
  equal(gridAt(RUN, 1).texts, ["5", "·", "1"]);
  equal([...gridAt(RUN, 2).now], [1]);
  equal(gridAt(RUN, 9).texts, ["5", "2", "1"]);
});
