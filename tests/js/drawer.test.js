import { left } from "/static/js/playground/distribution.js";
import {
  countText,
  depthOf,
  shadedText,
  stateWords,
  sumWords,
} from "/static/js/playground/drawer_text.js";
import { Loading, patiently } from "/static/js/playground/loading.js";
import { failureWords } from "/static/js/playground/next_token.js";
import { TokenTree } from "/static/js/playground/token_tree.js";
import { equal, test } from "./harness.js";

test("text is counted in characters, and what the model does not see lies outside", () => {
  const tokens = [{ token: "ab" }, { token: "😀" }];
  equal(countText("once", [], null), { words: "4 chars (4 in context)", cut: 0 });
  const next = { seen: 1 };
  equal(countText("once", tokens, next), { words: "7 chars (last 1 in context)", cut: 6 });
  equal(countText("", [], null).words, "0 chars (0 in context)");
});

test("unknown characters are marked, others are text", () => {
  equal(shadedText("once", 0, []), []);
  const [outside, ...rest] = shadedText("<b>é", 1, ["é"]);
  equal([outside.textContent, outside.className], ["<", "outside"]);
  equal(rest.slice(0, 2), ["b", ">"]);
  equal([rest[2].tagName, rest[2].textContent], ["MARK", "é"]);
});

test("the drawer says where things stand", () => {
  const at = { model: "m", text: "once", tokens: 0, most: 3, playing: false, known: true };
  const told = [{}, { model: "" }, { text: "" }, { playing: true }, { tokens: 1 }, { tokens: 3 }];
  const more = [{ ended: true }, { known: false }, { loading: "Loading m: 4%.", playing: true }];
  const words = [...told, ...more].map((one) => stateWords({ ...at, ...one }).slice(0, 9));
  const states = ["Ready", "⚠️ No mod", "Type some", "Playing", "Paused"];
  states.push("✓ Reached", "✓ Generat");
  equal(words, [...states, "Looking f", "Loading m"]);
});

test("what a question waits for is told until it is answered", async () => {
  const said = [];
  let answer;
  const question = new Promise((done) => {
    answer = done;
  });
  const states = [{ words: "waiting" }, new Error("gone"), { words: "Loading: 40%." }];
  const state = async () => {
    const told = states.shift();
    if (!told) answer();
    if (!told || told instanceof Error) throw new Error("gone");
    return told;
  };
  const loading = new Loading(() => said.push(loading.words), { state, wait: async () => {} });
  await loading.during("m", question);
  equal(said, ["waiting", "Loading: 40%.", ""]);
});

test("the answer of a question that another one has replaced ends nothing", async () => {
  const loading = new Loading(() => {}, { state: async () => ({ words: "x" }) });
  const first = Promise.resolve();
  loading.during("m", first);
  loading.during("m", new Promise(() => {}));
  loading.say("Loading");
  await first;
  equal(loading.words, "Loading");
  loading.question = null;
});

test("a late answer is asked for again while the model is loading, and only then", async () => {
  const late = { error_type: "timeout", message: "late" };
  const answers = [late, { name: "TimeoutError" }, "found"];
  const ask = async () => {
    const told = answers.shift();
    if (typeof told !== "string") throw told;
    return told;
  };
  equal(await patiently(ask, "m", async () => ({ state: "loading" })), "found");
  for (const [failure, state] of [
    [late, "loaded"],
    [late, "failed"],
    [{ error_type: "validation" }, "loading"],
  ]) {
    const fails = async () => {
      throw failure;
    };
    equal(await patiently(fails, "m", async () => ({ state })).catch((error) => error), failure);
  }
});

test("failures in words", () => {
  equal(failureWords({ name: "TimeoutError" }).toast, "Request timed out");
  equal(failureWords(new TypeError("x")).text, "The server could not be reached.");
  equal(failureWords({ error: "Session not found" }).text, "⚠️ Train a model first");
  equal(failureWords({ error: "Generation failed: no" }).toast, "Generation failed: no");
  equal(failureWords({ error: "Unknown characters: ['é', '你']" }).unknown, ["é", "你"]);
});

test("top-k and top-p leave what the engine leaves", () => {
  const probs = [0.5, 0.25, 0.125, 0.0625];
  equal(left(probs, 0, 1), { chances: probs, cut: 0 });
  equal(left(probs, 2, 1), { chances: [2 / 3, 1 / 3, 0, 0], cut: 0.25 });
  equal(left(probs, 0, 0.6), { chances: [2 / 3, 1 / 3, 0, 0], cut: 0.25 });
  // the nucleus is one of what top-k has left
  equal(left(probs, 2, 0.6).chances, [1, 0, 0, 0]);
  equal(left(probs, 0, 0.01).chances, [1, 0, 0, 0]);
});

const row = (id, token) => ({ token, token_id: id });

test("a tree has shared beginnings once, and its lines part where another token was taken", () => {
  const tree = new TokenTree("a", 1);
  for (const [id, token] of [
    [5, "b"],
    [6, "c"],
  ])
    tree.take(row(id, token));
  tree.go(1);
  equal(tree.take(row(7, "d")), 3);
  tree.go(0);
  equal(tree.take(row(5, "b")), 1);
  tree.go(3);
  equal([tree.textAt(), tree.ids(), tree.path(), tree.leaves], ["abd", [5, 7], [1, 3], 2]);
  const [run, ...others] = tree.runs();
  equal([run.nodes, others.length], [[1], 0]);
  equal(
    run.children.map((one) => one.nodes),
    [[2], [3]],
  );
  const edges = tree.message("m", {}).tokens.map((one) => [one.parent, one.token]);
  equal(edges, [
    [0, 5],
    [1, 6],
    [1, 7],
  ]);
});

test("what was computed ahead is there when its token is taken, and only then", () => {
  const tree = new TokenTree("a", 1);
  const follow = { name: "second" };
  const told = { logprob: (id) => -id, entropy: 2, chosen: row(5, "b"), follow };
  tree.node.next = told;
  tree.take(row(6, "c"));
  equal([tree.node.next, tree.node.logprob, tree.node.entropy], [null, -6, 2]);
  tree.go(0);
  tree.take(row(5, "b"));
  equal(tree.node.next, follow);
  tree.attach(told, { name: "late" });
  equal(tree.node.next, follow);
  tree.go(0);
  tree.child(0, 6);
  equal(tree.nats(1), -6);
});

test("depths of colour", () => {
  equal(depthOf({ logprob: null }, "surprise"), null);
  equal(depthOf({ logprob: 0, entropy: 8 }, "surprise"), 0);
  equal(depthOf({ logprob: 0, entropy: 8 }, "entropy"), 9);
  equal(depthOf({ logprob: -100 }, "surprise"), 9);
  equal(depthOf({ logprob: -1 }, "none"), null);
  equal(sumWords(-2 * Math.log(2), 2), "-1.4 nats in 2 tokens: 1.00 bits a token, perplexity 2.0");
  equal(sumWords(0, 0), "");
});
