// How a token is written. The same rules as visualizer/views/tokens.py; tests/data/twins/text.json
// has cases for both.
const GLYPHS = { " ": "␣", "\n": "↵", "\t": "⇥", "\r": "␍" };
const SPECIAL = [
  ["<|", "|>"],
  ["[", "]"],
  ["<", ">"],
];

/** Cell texts above this length are set in smaller type. */
export const LONG = 8;

/** Blanks as glyphs, everything else as it is. */
export function glyphs(text) {
  return text.replace(/[ \n\t\r]/g, (blank) => GLYPHS[blank]);
}

/** Is it `<|eot|>`, `[EOS]` or the like? */
export function isSpecial(text) {
  const marked = SPECIAL.some(([first, last]) => text.startsWith(first) && text.endsWith(last));
  return marked && [...text].length > 2;
}

/** What fits a cell: without the blank that begins nearly every word. */
export function cellText(text) {
  if (text.startsWith("<|") && isSpecial(text)) return text.slice(2, -2);
  return glyphs(text.length > 1 && text.startsWith(" ") ? text.slice(1) : text);
}

/** Two decimals; below a hundredth of a per cent it says so. */
export function percent(probability) {
  return probability >= 1e-4 ? `${(100 * probability).toFixed(2)}%` : "<0.01%";
}
