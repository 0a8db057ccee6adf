// Rows of the canvas as cells show them. The same rules as `rows` and `shown_rows` of
// visualizer/views/cells.py; tests/data/twins/rows.json has cases for both.
import { withVerdicts } from "./answers.js";
import { canvasAt } from "./state.js";
import { wholeTexts } from "./text.js";

/** The rows that have a cell after step `number`; the tail around position `open` is not folded. */
export function rowsAt(state, number, open = null) {
  const found = withWhole(withIdle(markedAt(state, number), state.session));
  return withFolds(withCell(found, state.session), open);
}

/** Steps that a run has yet to go at its present pace, so that the pictures need not stretch. */
export function stepsLeft(state, rows, tipNumber) {
  const written = state.steps.get(tipNumber)?.ops.length || 1;
  return Math.ceil(rows.filter((row) => row.masked).length / written);
}

/** So many equal special tokens in a row take one cell. */
const FOLDED_FROM = 4;

/** Tails of equal special tokens, from the first: `fold` counts them at the first one, the others
 * are `folded` into its cell. The group that holds position `open` stays as it is. */
export function withFolds(rows, open = null) {
  for (let start = 0; start < rows.length; ) {
    let end = start + 1;
    while (rows[end]?.again) end += 1;
    const inside = open !== null && rows[start].pos < open && open <= rows[end - 1].pos;
    const folds = end - start >= FOLDED_FROM && !inside;
    for (let at = start; at < end; at += 1) {
      rows[at].folded = folds && at > start;
      rows[at].fold = folds && at === start ? end - start : 0;
    }
    start = end;
  }
  return rows;
}

/** The whole canvas after step `number`, with what is special and what repeats it marked. */
export function markedAt(state, number) {
  const rows = withAgain(withSpecial(canvasAt(state, number), state.session));
  return withVerdicts(rows, state.session.answer);
}

/** Special is what the tokenizer or the model's family says, not what looks like it. */
function withSpecial(rows, { special = [], mask_id: mask }) {
  const ids = new Set(special);
  for (const row of rows) row.special = row.token !== mask && ids.has(row.token);
  return rows;
}

/** Marks special tokens that only repeat the one before: the tail behind the end of a text. */
function withAgain(rows) {
  rows.forEach((row, i) => {
    row.again = !row.masked && row.special && rows[i - 1]?.label === row.label;
  });
  return rows;
}

/** Gives tokens that share a character the characters that begin in them. */
function withWhole(rows) {
  const whole = wholeTexts(rows.map((row) => (row.masked ? "" : row.label)));
  rows.forEach((row, i) => {
    row.whole = !whole || row.masked || whole[i] === row.label ? null : whole[i];
  });
  return rows;
}

/** The positions after the prompt; with open or filled places within it, the prompt's too. */
function withCell(rows, { prompt_length: start }) {
  const infilling = rows.slice(0, start).some((row) => !row.prompt);
  return infilling ? rows : rows.filter((row) => !row.prompt);
}

/** Masks of the blocks after the first open one wait for their turn. */
function withIdle(rows, { prompt_length: start, block_length: size }) {
  const open = rows.find((row) => row.masked);
  const last = open ? start + (Math.floor((open.pos - start) / size) + 1) * size : Infinity;
  const waits = open !== undefined && open.pos >= start;
  for (const row of rows) row.idle = waits && row.masked && row.pos >= last;
  return rows;
}
