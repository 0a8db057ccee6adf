import { order } from "/static/js/playground/beside/heat.js";
import { Trace } from "/static/js/playground/beside/trace.js";
import { equal, test } from "./harness.js";

const write = (slot, text, logprob = -1) => ({ slot, text, logprob });
const pass = (number, writes, more = {}) => ({
  type: "pass",
  number,
  writes,
  cleared: [],
  places: null,
  heat: [],
  ms: 2,
  ...more,
});
const texts = (trace, count) => trace.cells(count).map(({ text }) => text);

test("an autoregressive text grows at the right", () => {
  const trace = new Trace();
  trace.add({ type: "start", kind: "autoregressive", places: [] });
  trace.add(pass(1, [write(0, "a")], { ms: null }));
  trace.add(pass(2, [write(1, "b", -3)], { ms: null }));
  equal([texts(trace, 0), texts(trace, 1), texts(trace, 2)], [[], ["a"], ["a", "b"]]);
  equal(trace.sums(2), { passes: 2, tokens: 2, nats: -4, judged: 2, ms: null });
  equal(order(trace), [
    [0, 0],
    [1, 1],
  ]);
  equal([trace.isOver, trace.text()], [false, "ab"]);
});

test("a canvas settles, and what is masked again is open", () => {
  const trace = new Trace();
  trace.add({
    type: "start",
    kind: "diffusion",
    places: [
      [7, null],
      [8, "given"],
      [9, null],
    ],
  });
  trace.add(pass(1, [write(9, "z", null)]));
  trace.add(pass(2, [write(7, "y")], { cleared: [9] }));
  trace.add(pass(3, [write(9, "x")]));
  equal(texts(trace, 0), [null, "given", null]);
  equal(texts(trace, 1), [null, "given", "z"]);
  equal(texts(trace, 2), ["y", "given", null]);
  equal(trace.text(), "ygivenx");
  equal(
    trace.cells(3).map((cell) => cell.pass),
    [2, 0, 3],
  );
  equal(trace.sums(1), { passes: 1, tokens: 1, nats: 0, judged: 0, ms: 2 });
  trace.add({ type: "end", text: "y" });
  equal(trace.isOver, true);
});

test("places come and go", () => {
  const trace = new Trace();
  trace.add({ type: "start", kind: "diffusion", places: [[0, null]] });
  trace.add(pass(1, [write(0, "a")], { places: [0, 5] }));
  trace.add(pass(2, [write(5, "b")], { places: [5] }));
  equal([texts(trace, 1), texts(trace, 2)], [["a", null], ["b"]]);
  equal(trace.rows, [5]);
});
