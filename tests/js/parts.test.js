import { addressOf, comparisonOf } from "/static/js/address.js";
import { branchMessage, branchWords, neighbour } from "/static/js/branches.js";
import { viewingWords } from "/static/js/chrome.js";
import { BINS, bin, bytes, TABLE } from "/static/js/colours.js";
import { differing, stepOf } from "/static/js/comparison.js";
import { connectionWords } from "/static/js/connection.js";
import { difference } from "/static/js/difference.js";
import { focusIn, keepFocus, keepFocusOverSwaps, refocus } from "/static/js/focus.js";
import { describe } from "/static/js/look.js";
import { PanelMemory } from "/static/js/memory.js";
import { bySlots, Profile, passFor } from "/static/js/profile.js";
import { MissedSteps } from "/static/js/reconnect.js";
import { judgedAt } from "/static/js/regret.js";
import { fromSlider, placeholder, presetFields, runParameters } from "/static/js/settings.js";
import { fromSnapshot } from "/static/js/state.js";
import { tokensOf } from "/static/js/steering.js";
import { entropyPoints } from "/static/js/timeline.js";
import { StagingHistory } from "/static/js/undo.js";
import { firstStep } from "/static/js/workspace.js";
import { equal, near, test } from "./harness.js";

test("colours: bins share nought to one and keep their ends", () => {
  const values = [-0.1, 0, 1 / 6, 0.5, 0.999, 1, 1.2];
  equal(values.map(bin), [0, 0, 1, 3, 5, 5, 5]);
  equal(BINS, 6);
});

test("colours: the table goes from dark blue to yellow, ever lighter", () => {
  equal([TABLE.length, TABLE[0], TABLE[255]], [256, [0, 34, 78], [254, 232, 56]]);
  const light = TABLE.map(([r, g, b]) => 0.2126 * r + 0.7152 * g + 0.0722 * b);
  equal(
    light.every((value, i) => i === 0 || value >= light[i - 1] - 0.5),
    true,
  );
});

test("colours: base64 as bytes", () => equal(bytes("AICA/w=="), [0, 128, 128, 255]));

test("addresses name branch, step and position", () => {
  const base = "/sessions/x/";
  equal(addressOf(base, { branch: 3 }), "/sessions/x/?branch=3");
  equal(addressOf(base, { branch: 3, step: 0, pos: 7 }), "/sessions/x/?branch=3&step=0&pos=7");
  const branches = new Map([
    [3, { parent: 1 }],
    [1, { parent: null }],
  ]);
  equal(comparisonOf(base, { branches, path: 3 }), "/sessions/x/compare/?a=1&b=3");
  equal(comparisonOf(base, { branches, path: 1 }), "/sessions/x/compare/");
});

const row = (id, parent, more = {}) => ({ id, parent, name: `b${id}`, ...more });
const TREE = [row(1, null), row(2, 1), row(3, 1), row(4, 2), row(5, 1, { pruned: true })];

test("branches: neighbours in the tree", () => {
  const branches = new Map(TREE.map((one) => [one.id, one]));
  const from = (path, where) => neighbour({ branches, path }, where)?.id;
  equal(
    ["up", "down", "before", "after"].map((where) => from(2, where)),
    [1, 4, undefined, 3],
  );
  equal(
    ["up", "down", "before", "after"].map((where) => from(3, where)),
    [1, undefined, 2, undefined],
  );
  equal(from(1, "down"), 3);
});

test("branches: what the panel's forms ask for", () => {
  const asked = branchMessage("rename", 4, { name: "  end " });
  equal(asked, { type: "change_branch", branch: 4, name: "end" });
  equal(branchMessage("mark", 4, { marked: "off" }).marked, false);
  equal(branchMessage("merge", 4, {}), { type: "merge", branch: 4 });
});

test("branches: where they begin and how long they are", () => {
  const long = (steps) => branchWords({ parent: null, fork_number: 0, steps });
  equal([0, 1, 2].map(long), ["", " · 1 step", " · 2 steps"]);
  equal(branchWords({ parent: 1, fork_number: 3, steps: 0 }), "from 3");
  equal(branchWords({ parent: 1, fork_number: 0, steps: 9 }), "from 0 · 9 steps");
});

test("a page drawn at the head begins there, though it has gone on", () => {
  const told = (branch, number, head) => ({ snapshot: { head: { branch, number } }, head });
  equal(firstStep(told(1, 5, { branch: 1, number: 7 }), "1:5"), 7);
  equal(firstStep(told(1, 3, { branch: 1, number: 7 }), "1:7"), 3); // an older step is looked at
  equal(firstStep(told(1, 5, { branch: 2, number: 6 }), "1:5"), 5); // it went to another branch
});

test("what is looked at, and what a change here would do", () => {
  const branches = new Map([[2, { name: "bold end" }]]);
  const at = (shown, head, last) => {
    const steps = new Map([[last, {}]]);
    return viewingWords({ head, path: 1, branches, steps }, shown);
  };
  const fork = "Viewing step 3 of 31. Changes here start a new branch.";
  equal(at(3, { branch: 1, number: 31 }, 31), fork);
  const end = at(4, { branch: 2, number: 7 }, 4);
  const there = "The latest work is on bold end, step 7.";
  equal(end, `Viewing the end of this branch. ${there} Changes here continue it.`);
  equal(at(3, { branch: 1, number: 3 }, 31), fork); // work was taken back to here
  equal([at(4, { branch: 1, number: 4 }, 4), at(4, { branch: 1, number: 0 }, 4)], ["", ""]);
  equal(at(2, { branch: 9, number: 1 }, 4).includes("another branch, step 1"), true);
});

test("connection: words for every state", () => {
  equal(connectionWords("live").meaning, "");
  equal(connectionWords("waiting", { tries: 1, wait: 600 }).meaning, "");
  const lost = connectionWords("waiting", { tries: 3, wait: 4100 });
  equal([lost.words, lost.retry, lost.light], ["Reconnecting (try 3, 5 s)", true, "warn"]);
  equal(connectionWords("gone").retry, false);
});

test("cells in words", () => {
  const row = { pos: 4, fold: 0, masked: false, label: " a", step: 2, p: 0.5, by: "hand" };
  equal(describe(row), "Position 4: ␣a, step 2, 50.0 %, by hand");
  equal(describe({ ...row, masked: true, locked: true }), "Position 4: masked, locked");
  const tail = describe({ ...row, fold: 3, by: "auto", p: null });
  equal(tail, "Positions 4 to 6: ␣a, step 2, click again to open");
});

/** Behaves like localStorage. */
function storage() {
  const held = new Map();
  return { getItem: (key) => held.get(key) ?? null, setItem: (key, text) => held.set(key, text) };
}

test("memory: panels by session, the last ones are kept", () => {
  const shelf = storage();
  for (let n = 0; n < 60; n += 1) new PanelMemory(shelf, `s${n}`).save({ fields: { n } });
  equal(new PanelMemory(shelf, "s59").load(), { fields: { n: 59 } });
  equal(Object.keys(JSON.parse(shelf.getItem("unmask.panels"))).length, 50);
  shelf.setItem("unmask.panels", "not JSON");
  equal(new PanelMemory(shelf, "s59").load(), {});
  equal(new PanelMemory(null, "s59").load(), {});
});

test("run parameters: only what the recipe reads and what is set", () => {
  const given = { temperature: 0.7, eos_last: true, stop_at_end: null, threshold: 0 };
  equal(runParameters(["temperature", "eos_last"], given), { temperature: 0.7, eos_last: true });
  equal(runParameters(["temperature"], { ...given, temperature: NaN }), {});
  equal(runParameters(["threshold", "stop_at_end"], given), { threshold: 0 });
  equal(runParameters([], given), {});
  equal(runParameters(["fill_last_block"], { fill_last_block: false }), { fill_last_block: false });
});

test("placeholders: a recipe's own default goes before the plain one", () => {
  equal(placeholder("eps", "0.001", { eps: "0.1" }), "0.1");
  equal(placeholder("eps", "0.001", {}), "0.001");
  equal(placeholder("steps", "", {}), "none");
});

test("sliders: temperature is logarithmic and stays within its ends", () => {
  const at = [-1, 0, 0.3, 1].map((place) => fromSlider("softmax_temperature", place, 0.1, 10));
  equal(at, ["0.10", "1.00", "2.00", "10.00"]);
  equal(fromSlider("top_p", 1.5, 0.01, 1), "1.00");
});

test("presets: what is not held stays, unknown recipes do not come", () => {
  const preset = { recipe: "gone", strategy: "s", settings: { top_p: 0.9 } };
  equal(presetFields(preset, ["here"]), { top_p: 0.9, strategy: "s" });
  const full = { recipe: "here", tokens_per_step: 4, parameters: { temperature: 0.5 } };
  equal(presetFields(full, ["here"]), { recipe: "here", tokens_to_select: 4 });
});

test("profile: columns of positions as maps by slot", () => {
  const told = { positions: [1, 2], labels: ["a", "b"], entropy: [0.1, 2], margin: [0.9, 0.2] };
  const { labels, entropy, margin, most } = bySlots(
    told,
    new Map([
      [0, 0],
      [7, 1],
      [8, 2],
    ]),
  );
  equal([labels.get(8), entropy.get(7), margin.get(8), most], ["b", 0.1, 0.2, 2]);
  const none = { positions: [], labels: [], entropy: [], margin: [] };
  equal(bySlots(none, new Map()).most, 0.5);
});

const line = ({ heat = [], steps = [1, 2], run = null } = {}) => ({
  path: 4,
  run,
  heat: new Map(heat.map((number) => [number, "AA=="])),
  steps: new Map(steps.map((number) => [number, {}])),
});

test("regret: asked where a pass judges what is written, never during a run", () => {
  equal(judgedAt(line({ heat: [1] }), 1, true), "4:1");
  equal(judgedAt(line({ heat: [1] }), 2, true), "4:2"); // the pass that made the last step
  equal(judgedAt(line({ heat: [0] }), 1, true), "none");
  equal(judgedAt(line({ heat: [1] }), 1, false), "none");
  equal(judgedAt(line({ heat: [1], run: { status: "running" } }), 1, true), "none");
});

test("profile: a step without a pass goes by the one that made it", () => {
  const state = line({ heat: [1, 4] });
  equal(
    [0, 1, 2, 3, 4].map((at) => passFor(state, at)),
    [null, 1, 1, null, 4],
  );
});

const told = (label) => ({ positions: [0], labels: [label], entropy: [1], margin: [0] });
const TICK = 5;

/** A profile whose requests are answered by the test. */
async function asking(run) {
  const real = window.fetch;
  const asked = [];
  window.fetch = (url) =>
    new Promise((resolve) => {
      const give = async (label) => {
        resolve(new Response(JSON.stringify(told(label))));
        await new Promise((done) => setTimeout(done, TICK));
      };
      asked.push({ number: Number(url.match(/step\/(\d+)/)[1]), give });
    });
  try {
    await run(asked, new Profile("/s/", { ready: () => {}, failed: () => {} }));
  } finally {
    window.fetch = real;
  }
}

const guess = (profile) => profile.known?.labels.get(0);
const running = { status: "running" };
const passes = (heat, run) => ({ ...line({ heat, run }), order: [0], slots: new Map([[0, SLOT]]) });
const SLOT = { born: 0, died: Infinity };

test("profile: one request at a time, and none that comes too late is shown", () =>
  asking(async (asked, profile) => {
    const state = passes([0], running);
    profile.want(true, state, 0);
    state.heat.set(1, "AA==");
    profile.want(true, state, 1);
    equal(asked.length, 1);
    state.path = 5; // another branch is shown by now
    await asked[0].give("a");
    equal(guess(profile), undefined);
  }));

test("profile: what a run expected stands until the next answer", () =>
  asking(async (asked, profile) => {
    const state = passes([0], running);
    profile.want(true, state, 0);
    await asked[0].give("a");
    equal(guess(profile), "a");
    state.heat.set(1, "AA==");
    profile.want(true, state, 2);
    equal([asked.length, guess(profile)], [1, "a"]); // too soon for another request
    await new Promise((done) => setTimeout(done, 120));
    profile.want(true, state, 2);
    equal(
      asked.map((one) => one.number),
      [0, 1],
    );
    await asked[1].give("b");
    equal(guess(profile), "b");
  }));

const paced = () => new Promise((done) => setTimeout(done, 120));

test("profile: at rest no guess of another step is shown, and known ones come at once", () =>
  asking(async (asked, profile) => {
    const state = passes([0, 3], null);
    profile.want(true, state, 0);
    await asked[0].give("a");
    profile.want(true, state, 3);
    equal([guess(profile), asked.length], [undefined, 1]); // not as fast as one scrubs
    await paced();
    profile.want(true, state, 3);
    await asked[1].give("b");
    profile.want(true, state, 0);
    equal([guess(profile), asked.length], ["a", 2]);
    profile.want(true, state, 2);
    equal(guess(profile), undefined);
    profile.passed(4, 0);
    await paced();
    profile.want(true, state, 0);
    equal(asked.length, 3);
    await asked[2].give("c");
    profile.want(false, state, 0);
    equal(guess(profile), undefined);
  }));

test("missed steps are told once they have come in", async () => {
  const told = [];
  const missed = new MissedSteps((text) => told.push(text), 5);
  missed.stepped(3);
  missed.connected(false, 3);
  missed.connected(false, 4);
  missed.connected(true, 4);
  for (let step = 5; step <= 15; step += 1) missed.stepped(step);
  await new Promise((resolve) => setTimeout(resolve, 60));
  equal(told, ["Connected again: caught up 12 steps."]);
  missed.connected(false, 15);
  missed.connected(true, 15);
  await new Promise((resolve) => setTimeout(resolve, 60));
  equal(told.length, 1);
});

const staged = (...tokens) => ({
  selections: Object.fromEntries(tokens.map((token, pos) => [pos, { token, by: "hand" }])),
});

test("staging: back and forth, a new pick ends the way forth", () => {
  const history = new StagingHistory(staged());
  history.changed(staged(1));
  history.changed(staged(1, 2));
  equal(tokensOf(history.back() && history.now.selections), { 0: 1 });
  history.changed(staged(1)); // what the undo asked for
  equal(tokensOf(history.forth() && history.now.selections), { 0: 1, 1: 2 });
  history.changed(staged(1, 2));
  history.back();
  history.changed(staged(1));
  history.changed(staged(7));
  equal(history.forth(), null);
  history.forget();
  equal(history.back(), null);
});

test("staging: a refused undo leaves what the page holds", () => {
  const history = new StagingHistory(staged());
  history.changed(staged(1));
  history.back();
  history.refused(staged(1));
  equal([history.back(), history.now], [null, staged(1)]);
});

test("entropy line: across by step, up by nats, steps to come leave room", () => {
  const entropy = new Map([
    [1, 1],
    [0, 2],
    [2, null],
    [5, 4],
  ]);
  equal(entropyPoints(entropy, 2, 4), "12.50,12.00 37.50,17.00");
  equal(entropyPoints(new Map(), 0, 1), "");
});

test("comparison: what differs, and linked steps", () => {
  const at = (id, token, masked = false) => ({ id, token, masked });
  const found = differing([
    [at(1, 7), at(2, 8)],
    [at(1, 7), at(2, 9)],
    [at(2, 9), at(3, 1, true)],
  ]);
  equal(found, new Set([2]));
  equal([stepOf(10, 5, 20, true), stepOf(10, 15, 20, false), stepOf(0, 3, 0, true)], [3, 10, 0]);
});

test("difference: written tokens by their own probability, masks by the pass", () => {
  const side = (p, level) => {
    const heat = btoa(String.fromCharCode(0, level, level));
    return fromSnapshot({
      number: 1,
      session: { prompt_length: 1, gen_length: 2, block_length: 2, mask_id: 9 },
      slots: [[0, 5, "once", "", 1, 0]],
      head: { branch: 1, number: 1 },
      branches: [],
      staged: { selections: {} },
      run: null,
      forwards: { 0: { heat, entropy: 1 } },
      steps: [{ number: 1, ops: [{ op: "commit", slot: 1, token: 7, label: "x", by: "auto", p }] }],
    });
  };
  const { order, grid } = difference(side(0.9, 51), side(0.4, 204));
  equal(order, [1, 2]);
  near(grid[0][0], 0.6, 1e-9);
  near(grid[0][1], 0.5, 1e-9);
  equal(grid[1][1], null); // no pass after step 1: not known
});

function scopeWith(html) {
  const scope = document.createElement("div");
  scope.innerHTML = html;
  document.body.append(scope);
  return scope;
}
const focused = () => document.activeElement.textContent;

test("the focus of what is replaced goes to the same label, the same place, or the scope", () => {
  const scope = scopeWith("<button>a</button><button>b</button><button>c</button>");
  const press = (name) => [...scope.children].find((one) => one.textContent === name).focus();
  const replace = (html, options) =>
    keepFocus(
      () => scope,
      () => {
        scope.innerHTML = html;
      },
      options,
    );
  press("b");
  replace("<button>c</button><button disabled>a</button><button>b</button>");
  equal(focused(), "b");
  replace("<button hidden>b</button><button>d</button>", { nearest: true });
  equal(focused(), "d");
  replace("<button>e</button>");
  equal(document.activeElement === scope, true);
  scope.remove();
});

test("the focus of who has gone on elsewhere stays there", () => {
  const scope = scopeWith("<button>a</button>");
  const other = scopeWith("<button>z</button>");
  scope.firstChild.focus();
  const was = focusIn(scope);
  other.firstChild.focus();
  scope.replaceChildren();
  refocus(scope, was);
  equal(focused(), "z");
  equal(focusIn(scope), null);
  scope.remove();
  other.remove();
});

test("of rows that htmx puts in anew the same button of the same row has the focus", () => {
  keepFocusOverSwaps();
  const scope = scopeWith("<ul id=rows></ul>");
  const fill = (labels) => {
    scope.firstChild.innerHTML = labels.map((one) => `<li><button>${one}</button></li>`).join("");
  };
  const tell = (name) =>
    document.dispatchEvent(new CustomEvent(name, { detail: { target: scope.firstChild } }));
  const at = () => [...scope.querySelectorAll("button")].indexOf(document.activeElement);
  fill(["load", "load", "load"]);
  scope.querySelectorAll("button")[1].focus();
  tell("htmx:oobBeforeSwap");
  fill(["load", "load", "unload"]);
  tell("htmx:oobAfterSwap");
  equal(at(), 1);
  tell("htmx:beforeSwap");
  fill(["unload"]);
  tell("htmx:afterSwap");
  equal(at(), 0);
  scope.remove();
});
