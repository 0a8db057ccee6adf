// The texts of the drawer: what is counted, what lies outside the model's window, what it says.
import { element } from "../dom.js";
import { bits, level } from "./distribution.js";

const length = (text) => [...text].length;
const MUCH = { surprise: 12, entropy: 8 }; // bits and nats that have the deepest colour

/** How much of text and tokens the model sees: {words, cut}, `cut` in characters that it does not.
 * `next`: the present distribution; its `seen` is null where the model sees everything. */
export function countText(text, tokens, next) {
  const whole = length(text) + tokens.reduce((sum, one) => sum + length(one.token), 0);
  const seen = next?.seen ?? whole;
  const cut = Math.max(0, whole - seen);
  const inside = cut ? `last ${seen}` : whole;
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

/** What a token cost: "2.1 bits of surprise, entropy 1.3 nats". */
export function costWords({ logprob, entropy, rank }) {
  if (logprob === null || logprob === undefined) return "nothing is known of it";
  const place = rank ? `, number ${rank} of the list` : "";
  const width = entropy === null || entropy === undefined ? "" : `, entropy ${entropy.toFixed(2)}`;
  const share = (100 * Math.exp(logprob)).toFixed(1);
  return `${share}%, ${bits(logprob).toFixed(1)} bits${width}${place}`;
}

/** Depth of a token's colour, 0 to 9; null without one. */
export function depthOf({ logprob = null, entropy = null }, colour) {
  const value = { surprise: bits(logprob), entropy, none: null }[colour] ?? null;
  return value === null ? null : level(value, MUCH[colour]);
}

/** A sum of nats as people read it: per token in bits, and as perplexity. */
export function sumWords(nats, count) {
  if (!count) return "";
  const mean = -nats / count;
  const each = `${bits(-mean).toFixed(2)} bits a token`;
  const perplexity = Math.exp(mean).toFixed(1);
  return `${nats.toFixed(1)} nats in ${count} tokens: ${each}, perplexity ${perplexity}`;
}

/** One line on where things stand. `known`: whether the next token's distribution is there;
 * `loading`: what a question for it waits for. */
export function stateWords({ model, text, tokens, most, playing, ended, known, loading }) {
  if (!model) return "⚠️ No model trained. Train a model in any tab first.";
  if (!text) return "Type something to get started...";
  if (tokens >= most) return `✓ Reached max length (${most} tokens)`;
  if (loading) return loading;
  if (playing) return "Playing";
  if (ended) return "✓ Generation complete. Modify input to continue.";
  if (tokens) return "Paused";
  return known ? "Ready" : "Looking for the next token...";
}
