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

const BYTE = /<0x([89A-F][0-9A-F])>/g;
const ENCODER = new TextEncoder();
const DECODER = new TextDecoder("utf-8", { fatal: true });

/** The characters that begin in each of some neighbours, where one of them takes several tokens;
 * null where none does. "" for a token that only goes on with the one before it. */
export function wholeTexts(labels) {
  if (!labels.some((label) => label.includes("<0x"))) return null;
  const found = [];
  for (let first = 0; first < labels.length; ) {
    let last = first + 1;
    if (hasBytes(labels[first])) while (last < labels.length && hasBytes(labels[last])) last++;
    const run = labels.slice(first, last);
    found.push(...(hasBytes(run[0]) ? joined(run) : run));
    first = last;
  }
  return found;
}

function hasBytes(label) {
  return label.search(BYTE) >= 0;
}

/** Labels whose bytes are joined: each character stands where its first byte is. */
function joined(labels) {
  const bytes = [];
  const owners = [];
  for (const [i, label] of labels.entries()) {
    for (const byte of bytesOf(label)) {
      bytes.push(byte);
      owners.push(i);
    }
  }
  const texts = labels.map(() => "");
  for (let at = 0; at < bytes.length; ) {
    const [text, size] = characterAt(bytes, at);
    texts[owners[at]] += text;
    at += size;
  }
  return texts;
}

/** The bytes of a label in which <0xNN> stands for one. */
function bytesOf(label) {
  const parts = label.split(BYTE); // text and hexadecimal digits in turns
  return parts.flatMap((part, i) => (i % 2 ? [parseInt(part, 16)] : [...ENCODER.encode(part)]));
}

/** [character, its bytes]; a byte that begins none is written as <0xNN>. */
function characterAt(bytes, at) {
  const first = bytes[at];
  const size = first < 0x80 ? 1 : first >> 5 === 6 ? 2 : first >> 4 === 14 ? 3 : 4;
  try {
    return [DECODER.decode(new Uint8Array(bytes.slice(at, at + size))), size];
  } catch {
    return [`<0x${first.toString(16).toUpperCase()}>`, 1];
  }
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
