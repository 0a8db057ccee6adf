// What stands around the tokens: buttons, status line, timeline, pictures, branch panel, table.
import { verdictsOf } from "./answers.js";
import { branchWords } from "./branches.js";
import { Buttons } from "./buttons.js";
import { Checks } from "./checks.js";
import { $, $$, put, write } from "./dom.js";
import { Order } from "./order.js";
import { Notes } from "./notes.js";
import { Panel } from "./panel.js";
import { rowsAt, stepsLeft } from "./rows.js";
import { tip } from "./state.js";
import { sentence } from "./status.js";

/** What a change at the shown step would do, where that is not plain: before the end of a branch
 * it makes a branch, and at the end of another branch than the latest one work goes on there. */
export function viewingWords(state, shown, readOnly = false) {
  const { head, path, branches } = state;
  const elsewhere = head.branch !== path;
  const end = Math.max(shown, tip(state), elsewhere ? 0 : head.number);
  const before = shown < end;
  if (!before && !elsewhere) return "";
  const name = branches.get(head.branch)?.name ?? "another branch";
  const said = [before ? `Viewing step ${shown} of ${end}.` : "Viewing the end of this branch."];
  if (elsewhere) said.push(`The latest work is on ${name}, step ${head.number}.`);
  if (!readOnly) said.push(`Changes here ${before ? "start a new branch" : "continue it"}.`);
  return said.join(" ");
}

export class Chrome {
  constructor(page, reasons) {
    this.page = page;
    this.buttons = new Buttons(reasons);
    this.order = new Order();
    this.notes = new Notes(page);
    this.table = new Panel($("#token-table"), () => this.loadTable(true));
    this.checks = new Checks(page.address);
  }

  draw(view) {
    const { page } = this;
    const { state, shown } = page;
    const newest = this.newest(view);
    const ahead = view.live ? stepsLeft(state, newest, view.tip) : 0;
    const columns = view.tip + 1 + ahead;
    const entropy = page.passes.entropy(state);
    page.timeline.draw(state, { shown, tip: view.tip, columns, entropy });
    page.heat.draw(state, newest, columns, shown, page.chosenRow()?.id);
    if ($("#order-details").open) this.order.draw(newest, columns);
    this.buttons.draw(page.steering.situation(), page.commands?.busy ?? new Set());
    this.drawStatus(view);
    this.checks.draw(state, shown, page.masked === 0 && !view.live);
    this.drawTokens(view);
    this.notes.draw(state, shown);
    this.drawViewing();
    this.drawBranches();
  }

  /** The rows at the end of the path. While one scrubs they stay as they are. */
  newest({ tip: end, live }) {
    const { state, shown, rows } = this.page;
    if (shown === end) return rows;
    const key = `${state.path}:${end}:${state.number}:${live}`;
    if (this.newestKey !== key) this.newestRows = rowsAt(state, end);
    this.newestKey = key;
    return this.newestRows;
  }

  /** Whether what is right and wrong is shown, where the answer is known. */
  get answers() {
    return $("#answers")?.checked ?? true;
  }

  drawStatus({ tip, live }) {
    const { page } = this;
    const { shown, readOnly } = page;
    const places = page.rows.filter((row) => !row.prompt && !row.surplus);
    const [total, verdicts] = [places.length, this.answers ? verdictsOf(places) : ""];
    const masked = places.filter((row) => row.masked).length;
    const words = sentence(page.state, { shown, tip, masked, total, readOnly, verdicts });
    page.status.show(words, live, 1 - masked / Math.max(1, total));
  }

  drawTokens({ live }) {
    put($("main"), "data-answers", this.answers ? "on" : "off");
    const isTable = this.page.mode === "table";
    put($("#tokens"), "aria-busy", String(live));
    const focused = $("#main").contains(document.activeElement);
    $("#tokens").hidden = isTable;
    this.table.root.hidden = !isTable;
    if (focused) this.keepFocus();
    if (isTable) this.loadTable();
  }

  /** What had the focus may be hidden now: it stays among the tokens, where keys act. */
  keepFocus() {
    const { page } = this;
    if (document.activeElement.checkVisibility() && document.activeElement !== $("#main")) return;
    ((page.mode !== "table" && page.cells.at(page.pos)) || $("#main")).focus();
  }

  loadTable(anew = false) {
    const { address, state, shown } = this.page;
    const key = `${state.path}:${shown}:${state.number}`;
    if (key === this.tableKey && !anew) return;
    this.tableKey = key;
    this.table.load(`${address}step/${shown}/table/?branch=${state.path}`);
  }

  drawViewing() {
    const { state, shown, readOnly } = this.page;
    const words = viewingWords(state, shown, readOnly);
    $("#viewing").hidden = !words;
    if (words) write($("#viewing-text"), words);
  }

  drawBranches() {
    const { branches, path } = this.page.state;
    write($("#branch-name"), branches.get(path)?.name ?? "");
    for (const anchor of $$("#branches a[data-branch]")) {
      if (Number(anchor.dataset.branch) === path) put(anchor, "aria-current", "true");
      else anchor.removeAttribute("aria-current");
    }
    this.drawLengths();
  }

  /** Lengths change with every step; the panel itself comes anew only when a branch does. */
  drawLengths() {
    for (const words of $$("#branches [data-branch-steps]")) {
      const row = this.page.state.branches.get(Number(words.dataset.branchSteps));
      if (row) write(words, branchWords(row));
    }
  }

  /** The next of the plots below the heat map: order, then steps, then none. */
  nextPlot() {
    const [steps, order] = [$("#steps-details"), $("#order-details")];
    const next = order.open ? [true, false] : [false, !steps.open];
    [steps.open, order.open] = next;
  }
}
