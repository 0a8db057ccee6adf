// Token cells: patches only what changed, never swaps the grid. Class names and texts are the same
// as those of templates/visualizer/fragments/tokens.html.
import { bin } from "./colours.js";

const GLYPHS = { " ": "␣", "\n": "↵", "\t": "⇥", "\r": "␍" };
const LONG = 8;

export function glyphs(text) {
  return text.replace(/[ \n\t\r]/g, (blank) => GLYPHS[blank]);
}

const SPECIAL = [["<|", "|>"], ["[", "]"], ["<", ">"]];
const isSpecial = (text) =>
  text.length > 2 && SPECIAL.some(([a, b]) => text.startsWith(a) && text.endsWith(b));

export function cellText(text) {
  if (text.startsWith("<|") && isSpecial(text)) return text.slice(2, -2);
  return glyphs(text.length > 1 && text.startsWith(" ") ? text.slice(1) : text);
}

const COLOURS = {
  confidence: (row) => (row.masked || row.p == null ? null : bin(row.p)),
  step: (row, view) => (row.masked || !row.step ? null : bin((row.step - 1) / Math.max(1, view.tip))),
  chosen: (row) => (row.masked ? null : { auto: 0, hand: 1 }[row.by] ?? null),
  entropy: (row, view) => {
    const nats = view.profile?.entropy.get(row.pos);
    return nats === undefined ? null : bin(nats / view.profile.most);
  },
  margin: (row, view) => {
    const lead = row.masked ? view.profile?.margin.get(row.pos) : undefined;
    return lead === undefined ? null : bin(lead);
  },
  none: () => null,
};

/** Marks special tokens that only repeat the one before: the tail behind the end of a text. */
export function withAgain(rows) {
  rows.forEach((row, i) => { row.again = !row.masked && isSpecial(row.label) && rows[i - 1]?.label === row.label; });
  return rows;
}

function inText(row, text, mode) {
  if (row.again) return "∎";
  if (mode !== "text") return row.masked && !text ? "·" : cellText(text);
  if (row.masked && !text) return row.idle ? "·" : "mask";
  return isSpecial(text) ? cellText(text) : text.replace(/\n/g, "↵\n");
}

/** What a cell shows: [class names, text]. */
export function look(row, view) {
  const staged = view.staged[row.pos];
  const ghost = row.masked && !staged && view.ghosts ? view.profile?.labels.get(row.pos) : undefined;
  const text = staged ? staged.label : row.masked ? ghost ?? "" : row.label;
  const shade = COLOURS[view.colour]?.(row, view);
  const names = ["cell"];
  if (row.prompt) names.push("given");
  if (row.masked && !staged) names.push("masked");
  if (ghost !== undefined) names.push("ghost");
  if (row.masked && row.idle) names.push("idle");
  if (shade !== null && shade !== undefined && !staged) names.push(`bin-${shade}`);
  if (row.by === "hand" && !row.masked) names.push("hand");
  if (staged) names.push("staged");
  if (!row.masked && row.step && row.step === view.number) names.push("now");
  if (view.regret?.has(row.id)) names.push("regret");
  if (row.locked) names.push("locked");
  if (!row.masked && isSpecial(row.label)) names.push("special");
  const shown = inText(row, text, view.mode);
  if (view.mode === "cells" && [...shown].length > LONG) names.push("long");
  return [names.join(" "), shown];
}

export class Cells {
  constructor(root) {
    this.root = root;
    this.known = new Map();
    this.elements = [];
  }

  /** Draw rows (positions after the prompt, and open ones within it). */
  draw(rows, view) {
    this.root.dataset.view = view.mode;
    this.root.closest(".palette").dataset.colour = view.colour;
    if (!this.matches(rows)) this.rebuild(rows);
    rows.forEach((row, i) => this.patch(this.elements[i], row, view));
    this.view = view;
  }

  matches(rows) {
    return rows.length === this.keys?.length && rows.every((row, i) => this.keys[i] === row.id && this.places[i] === row.pos);
  }

  rebuild(rows) {
    const found = new Map([...this.root.children].map((cell) => [cell.dataset.slot, cell]));
    this.known.clear();
    this.elements = rows.map((row) => found.get(String(row.id)) ?? fresh(row));
    this.keys = rows.map((row) => row.id);
    this.places = rows.map((row) => row.pos);
    this.elements.forEach((cell, i) => {
      cell.dataset.pos = rows[i].pos;
      cell.href = `?pos=${rows[i].pos}`;
    });
    this.root.replaceChildren(...this.elements);
  }

  patch(cell, row, view) {
    const [names, text] = look(row, view);
    const signature = `${names}|${text}`;
    const before = this.known.get(row.id);
    if (before === signature) return;
    this.known.set(row.id, signature);
    cell.className = before !== undefined && view.live && names.includes("now") ? `${names} fresh` : names;
    if (cell.textContent !== text) cell.textContent = text;
  }

  /** One tab stop; the longer description is written only where it is needed. */
  select(pos, describe) {
    const cell = this.at(pos);
    if (this.chosen && this.chosen !== cell) {
      this.chosen.setAttribute("aria-selected", "false");
      this.chosen.tabIndex = -1;
      for (const name of ["aria-label", "title"]) this.chosen.removeAttribute(name);
    }
    this.chosen = cell;
    if (!cell) return;
    cell.setAttribute("aria-selected", "true");
    cell.tabIndex = 0;
    cell.setAttribute("aria-label", describe);
    cell.title = describe;
  }

  at(pos) {
    return this.elements[this.places?.indexOf(pos)];
  }

  /** Cells in a row of the grid, for the arrow keys. */
  columns() {
    const top = this.elements[0]?.offsetTop;
    const next = this.elements.findIndex((cell) => cell.offsetTop !== top);
    return next < 1 ? Math.max(1, this.elements.length) : next;
  }
}

function fresh(row) {
  const cell = document.createElement("a");
  cell.setAttribute("role", "option");
  cell.setAttribute("aria-selected", "false");
  cell.tabIndex = -1;
  cell.dataset.slot = row.id;
  return cell;
}
