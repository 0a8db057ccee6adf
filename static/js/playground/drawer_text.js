// The texts of the drawer: what is counted, what lies outside the model's window, what it says.
import { element } from "../dom.js";

const length = (text) => [...text].length;

/** How much of text and tokens the model sees: {words, cut}, `cut` in characters that it does not.
 * Counted in tokens where the model has told, since its window is one of tokens. */
export function countText(text, tokens, next) {
  const chars = length(text);
  const seen = next ? length(next.context_used) : chars;
  const whole = chars + tokens.reduce((sum, one) => sum + length(one.token), 0);
  const cut = Math.max(0, whole - seen);
  const inside = next && cut ? `last ${seen}` : Math.min(whole, seen);
  return { words: `${whole} chars (${inside} in context)`, cut };
}

/** The text's beginning that lies outside, and its unknown characters marked; [] without either. */
export function shadedText(text, cut, unknown) {
  const letters = [...text];
  const marked = new Set(unknown);
  if (!cut && !marked.size) return [];
  const outside = element("span", letters.slice(0, cut).join(""), "outside");
  const rest = letters.slice(cut);
  return [outside, ...rest.map((one) => (marked.has(one) ? element("mark", one, "unknown") : one))];
}

/** A generated token as a button: its alternatives are one click away. */
export function tokenButton(one, at) {
  const button = element("button", one.token, "token");
  button.type = "button";
  button.dataset.at = at;
  button.title = `${(100 * (one.prob ?? 0)).toFixed(1)}%: click for its alternatives`;
  return button;
}

/** One line on where things stand. */
export function stateWords({ model, text, tokens, most, playing }) {
  if (!model) return "⚠️ No model trained. Train a model in any tab first.";
  if (!text) return "Type something to get started...";
  if (tokens >= most) return `✓ Reached max length (${most} tokens)`;
  if (playing) return "Playing";
  return tokens ? "✓ Generation complete. Modify input to continue." : "Ready";
}
