import { countText, shadedText, stateWords } from "/static/js/playground/drawer_text.js";
import { failureWords } from "/static/js/playground/next_token.js";
import { equal, test } from "./harness.js";

test("text is counted in characters, and what the model does not see lies outside", () => {
  const tokens = [{ token: "ab" }, { token: "😀" }];
  equal(countText("once", [], null), { words: "4 chars (4 in context)", cut: 0 });
  const next = { context_used: "e" };
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
  const at = { model: "m", text: "once", tokens: 0, most: 3, playing: false };
  const told = [{}, { model: "" }, { text: "" }, { playing: true }, { tokens: 1 }, { tokens: 3 }];
  const words = told.map((more) => stateWords({ ...at, ...more }).slice(0, 9));
  equal(words, ["Ready", "⚠️ No mod", "Type some", "Playing", "✓ Generat", "✓ Reached"]);
});

test("failures in words", () => {
  equal(failureWords({ name: "TimeoutError" }).toast, "Request timed out");
  equal(failureWords(new TypeError("x")).text, "The server could not be reached.");
  equal(failureWords({ error: "Session not found" }).text, "⚠️ Train a model first");
  equal(failureWords({ error: "Generation failed: no" }).toast, "Generation failed: no");
  equal(failureWords({ error: "Unknown characters: ['é', '你']" }).unknown, ["é", "你"]);
});
