// Token cells: patches only what changed, never swaps the grid.
import { describe, look } from "./look.js";
import { Overview } from "./overview.js";

export class Cells {
  constructor(root) {
    this.root = root;
    this.known = new Map();
    this.elements = [];
    this.overview = new Overview(root, root.parentElement);
    root.addEventListener("mouseover", (event) => this.name(event.target));
  }

  /** In the overview a cell's text is too small to be read: it stands in the tooltip. */
  name(cell) {
    if (this.root.dataset.view !== "overview" || !this.rows || cell.title) return;
    const row = this.rows.find((one) => one.pos === Number(cell.dataset.pos));
    if (row) cell.title = describe(row);
  }

  /** Draw rows (positions after the prompt, and open ones within it). */
  draw(rows, view) {
    this.root.dataset.view = view.mode;
    this.root.closest(".palette").dataset.colour = view.colour;
    if (!this.matches(rows)) this.rebuild(rows);
    if (view.mode !== this.view?.mode || rows.length !== this.rows.length)
      this.overview.fit(rows.length);
    for (const [i, row] of rows.entries()) this.patch(this.elements[i], row, view);
    Object.assign(this, { rows, view });
  }

  matches(rows) {
    if (rows.length !== this.keys?.length) return false;
    return rows.every((row, i) => this.keys[i] === row.id && this.places[i] === row.pos);
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
    const arrives = before !== undefined && view.live && names.includes("now");
    cell.className = arrives ? `${names} fresh` : names;
    if (cell.title && cell !== this.chosen) cell.removeAttribute("title");
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
    if (!cell) return this.forget();
    if (!this.chosen) for (const one of this.elements) one.tabIndex = -1; // the first was the stop
    this.chosen = cell;
    cell.setAttribute("aria-selected", "true");
    cell.tabIndex = 0;
    cell.setAttribute("aria-label", describe);
    cell.title = describe;
  }

  /** Nothing is chosen: the first cell is the tab stop. */
  forget() {
    this.chosen = undefined;
    if (this.elements[0]) this.elements[0].tabIndex = 0;
  }

  at(pos) {
    return this.elements[this.places?.indexOf(pos)];
  }

  /** Cells in a row of the grid, for the arrow keys. */
  columns() {
    const shown = this.elements.filter((cell) => !cell.classList.contains("folded"));
    const next = shown.findIndex((cell) => cell.offsetTop !== shown[0].offsetTop);
    return next < 1 ? Math.max(1, shown.length) : next;
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
