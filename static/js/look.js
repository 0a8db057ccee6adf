// What a cell shows: class names and text. The same rules as `cell` of visualizer/views/cells.py;
// tests/data/twins/cells.json has cases for both.
import { bin } from "./colours.js";
import { cellText, glyphs, isSpecial, LONG } from "./text.js";

const REPEAT = "∎";
const WHO = { auto: 0, hand: 1 };

/** Colouring → the bin of a row's colour, or null. */
const COLOURS = {
  confidence: (row) => (row.masked || row.p == null ? null : bin(row.p)),
  step: (row, view) =>
    row.masked || !row.step ? null : bin((row.step - 1) / Math.max(1, view.tip)),
  chosen: (row) => (row.masked ? null : (WHO[row.by] ?? null)),
  entropy: (row, view) => {
    const nats = view.profile?.entropy.get(row.id);
    return nats === undefined ? null : bin(nats / view.profile.most);
  },
  margin: (row, view) => {
    const lead = row.masked ? view.profile?.margin.get(row.id) : undefined;
    return lead === undefined ? null : bin(lead);
  },
  none: () => null,
};

function shown(row, text, mode) {
  if (row.fold) return `${cellText(text)} ×${row.fold}`;
  if (row.again) return REPEAT;
  if (mode !== "text") return row.masked && !text ? "·" : cellText(text);
  if (row.masked && !text) return row.idle ? "·" : "mask";
  if (row.whole != null && text === row.label) return row.whole;
  const special = text === row.label ? row.special : isSpecial(text);
  return special ? cellText(text) : text.replace(/\n/g, "↵\n");
}

/** A guess is tinted by the pass's confidence where cells are coloured by confidence. */
function tint(row, view) {
  const level = view.levels?.[row.id] ?? -1;
  return view.colour === "confidence" && level >= 0 ? ` tint-${bin(level / 255)}` : "";
}

/** Class names in the order in which both renderers write them. No table here: this runs for
 * every cell of every frame. */
function namesOf(row, view, { staged, guess, shade, text }) {
  let names = "cell";
  if (row.prompt) names += " given";
  if (row.masked && !staged) names += " masked";
  if (guess !== undefined) names += ` guess${tint(row, view)}`;
  if (row.masked && row.idle) names += " idle";
  if (shade !== null && !staged) names += ` bin-${shade}`;
  if (row.by === "hand" && !row.masked) names += " hand";
  if (staged) names += " staged";
  if (!row.masked && row.step && row.step === view.number) names += " now";
  if (view.regret?.has(row.id)) names += " regret";
  if (row.locked) names += " locked";
  if (!row.masked && row.special) names += " special";
  if (view.mode === "text" && row.whole === "" && !staged) names += " continues";
  if (row.fold) names += " fold";
  if (row.folded) names += " folded";
  if (row.inserted) names += " inserted";
  if (row.surplus) names += " surplus";
  if (row.verdict && !staged) names += ` ${row.verdict}`;
  if (row.conflict) names += " conflict";
  if (view.mode === "cells" && text.length > LONG && [...text].length > LONG) names += " long";
  return names;
}

/** [class names, text] of a row under a view: {number, tip, mode, colour, staged, …}. */
export function look(row, view) {
  const staged = view.staged[row.pos];
  const guessed = row.masked && !staged && view.guesses;
  const guess = guessed ? view.profile?.labels.get(row.id) : undefined;
  const label = staged ? staged.label : row.masked ? (guess ?? "") : row.label;
  const text = shown(row, label, view.mode);
  const shade = COLOURS[view.colour]?.(row, view) ?? null;
  return [namesOf(row, view, { staged, guess, shade, text }), text];
}

/** A cell in words, for its tooltip and for screen readers. */
export function describe(row) {
  if (row.surplus) return `Position ${row.pos}: fills up the last block and will be cut`;
  const last = row.pos + row.fold - 1;
  const place = row.fold ? `Positions ${row.pos} to ${last}` : `Position ${row.pos}`;
  const came = row.inserted ? ", inserted" : "";
  if (row.masked) return `${place}: masked${came}${row.locked ? ", locked" : ""}`;
  const chance = row.p == null ? "" : `, ${(100 * row.p).toFixed(1)} %`;
  const judged = `${row.verdict ? `, ${row.verdict}` : ""}${row.conflict ? ", in conflict" : ""}`;
  const hand = row.by === "hand" ? ", by hand" : "";
  const more = `${judged}${hand}${came}${row.locked ? ", locked" : ""}`;
  const opens = row.fold ? ", click again to open" : "";
  return `${place}: ${glyphs(row.label)}, step ${row.step}${chance}${more}${opens}`;
}
