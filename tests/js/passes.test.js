import { sideFor } from "/static/js/overview.js";
import { deciding, Passes } from "/static/js/passes.js";
import { equal, test } from "./harness.js";

const rows = (side, width) => Math.floor((width + 2) / (side + 2));

test("overview: the largest squares that all stand in the box", () => {
  for (const [count, width, height] of [
    [1024, 826, 300],
    [1024, 366, 498],
    [400, 366, 498],
  ]) {
    const side = sideFor(count, width, height);
    equal(rows(side, width) * rows(side, height) >= count, true);
    const larger = side + 0.5;
    equal(rows(larger, width) * rows(larger, height) < count, true);
  }
  equal([sideFor(24, 826, 300), sideFor(100000, 200, 200)], [24, 4]);
});

test("passes: temperature and drawn noise decide over their numbers", () => {
  equal(deciding({}), deciding({ softmax_temperature: 1, top_p: 0.5, gumbel_temperature: 3 }));
  equal(deciding({ softmax_temperature: 2 }) === deciding({}), false);
  const noisy = { apply_gumbel_noise: true, gumbel_temperature: 3 };
  equal(deciding(noisy) === deciding({}), false);
});

/** Passes over a state, and the addresses that were asked for: two answers for each line. */
async function asked(run) {
  const real = window.fetch;
  const urls = [];
  window.fetch = (url) => {
    urls.push(url);
    const [number, after] = url.endsWith("-1") ? [0, 0] : [1, null];
    const told = { passes: { [number]: { heat: `now ${number}`, entropy: 5 } }, after };
    return Promise.resolve({ ok: true, json: () => Promise.resolve(told) });
  };
  try {
    await run(urls);
  } finally {
    window.fetch = real;
  }
}

const state = () => ({
  path: 7,
  session: { settings: {} },
  heat: new Map([0, 1, 2].map((n) => [n, `then ${n}`])),
  entropy: new Map([0, 1, 2].map((n) => [n, 1])),
});

function passesOf(shown, mixed) {
  let told = () => {};
  const passes = new Passes("/s/", {
    ready: () => told(),
    failed: (error) => console.error(error),
  });
  passes.begin(shown, mixed);
  const renewed = (count) =>
    new Promise((done) => {
      told = () => passes.known.size === count && done();
      told();
    });
  return { passes, renewed };
}

test("passes: nothing is asked for while all are of the same settings", () =>
  asked(async (urls) => {
    const shown = state();
    const { passes } = passesOf(shown, false);
    passes.want(shown);
    equal([urls, passes.heat(shown, 1)], [[], "then 1"]);
    equal(passes.entropy(shown) === shown.entropy, true);
  }));

test("passes: other settings bring the numbers of the line anew, in parts", () =>
  asked(async (urls) => {
    const shown = state();
    const { passes, renewed } = passesOf(shown, false);
    shown.session.settings = { softmax_temperature: 3 };
    passes.want(shown);
    passes.want(shown);
    await renewed(2);
    equal(urls, ["/s/passes/?branch=7&after=-1", "/s/passes/?branch=7&after=0"]);
    equal(
      [0, 1, 2].map((n) => passes.heat(shown, n)),
      ["now 0", "now 1", "then 2"],
    );
    equal(
      [...passes.entropy(shown)],
      [
        [0, 5],
        [1, 5],
        [2, 1],
      ],
    );
    passes.passed(1);
    equal(passes.heat(shown, 1), "then 1");
  }));

test("passes: those of another branch are asked for where some differ", () =>
  asked(async (urls) => {
    const shown = state();
    const { passes, renewed } = passesOf(shown, true);
    passes.want(shown);
    await renewed(2);
    passes.want({ ...shown, path: 8 });
    equal(passes.heat(shown, 0), "then 0");
    await renewed(2);
    equal(urls.slice(2), ["/s/passes/?branch=8&after=-1", "/s/passes/?branch=8&after=0"]);
  }));
