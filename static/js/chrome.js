// What stands around the tokens: buttons, status line, timeline, pictures, branch panel, table.
import { Buttons } from "./buttons.js";
import { $, $$, put, write } from "./dom.js";
import { Order } from "./order.js";
import { Panel } from "./panel.js";
import { rowsAt, stepsLeft } from "./rows.js";
import { sentence } from "./status.js";

/** Where work stands, in words: on the shown branch its step is enough. */
export function headWords({ head, path, branches }) {
  if (head.branch === path) return `step ${head.number}`;
  return `${branches.get(head.branch)?.name ?? "another branch"}, step ${head.number}`;
}

export class Chrome {
  constructor(page, reasons) {
    this.page = page;
    this.buttons = new Buttons(reasons);
    this.order = new Order();
    this.table = new Panel($("#token-table"), () => this.loadTable(true));
  }

  draw(view, here) {
    const { page } = this;
    const { state, shown } = page;
    const newest = shown === view.tip ? page.rows : rowsAt(state, view.tip);
    const ahead = view.live ? stepsLeft(state, newest, view.tip) : 0;
    const columns = view.tip + 1 + ahead;
    page.timeline.draw(state, shown, view.tip, columns);
    page.heat.draw(state, newest, columns, shown, page.chosenRow()?.id);
    if ($("#order-details").open) this.order.draw(newest, columns);
    this.buttons.draw(page.steering.situation(), page.commands?.busy ?? new Set());
    this.drawStatus(view);
    this.drawTokens(view);
    this.drawViewing(here);
    this.drawBranches();
  }

  drawStatus({ tip, live }) {
    const { page } = this;
    const { shown, masked, readOnly } = page;
    const share = 1 - masked / Math.max(1, page.rows.length);
    page.status.show(sentence(page.state, { shown, tip, masked, readOnly }), live, share);
  }

  drawTokens({ live }) {
    const isTable = this.page.mode === "table";
    put($("#tokens"), "aria-busy", String(live));
    $("#tokens").hidden = isTable;
    this.table.root.hidden = !isTable;
    if (isTable) this.loadTable();
  }

  loadTable(anew = false) {
    const { address, state, shown } = this.page;
    const key = `${state.path}:${shown}:${state.number}`;
    if (key === this.tableKey && !anew) return;
    this.tableKey = key;
    this.table.load(`${address}step/${shown}/table/?branch=${state.path}`);
  }

  drawViewing(here) {
    const { page } = this;
    $("#viewing").hidden = here;
    if (here) return;
    const stands = `work stands at ${headWords(page.state)}`;
    const words = `You are looking at step ${page.shown}; ${stands}.`;
    write($("#viewing-text"), `${words} What you do here begins a new branch.`);
  }

  drawBranches() {
    const { branches, path } = this.page.state;
    write($("#branch-name"), branches.get(path)?.name ?? "");
    for (const anchor of $$("#branches a[data-branch]")) {
      if (Number(anchor.dataset.branch) === path) put(anchor, "aria-current", "true");
      else anchor.removeAttribute("aria-current");
    }
  }

  /** The next of the plots below the heat map: order, then steps, then none. */
  nextPlot() {
    const [steps, order] = [$("#steps-details"), $("#order-details")];
    const next = order.open ? [true, false] : [false, !steps.open];
    [steps.open, order.open] = next;
  }
}
