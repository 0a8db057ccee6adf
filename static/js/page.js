// The page: the copy of the session, what of it is shown, and how it is drawn.
import { atHead, canvasAt, fromSnapshot, isRunning, reduce, tip } from "./state.js";
import { Steering } from "./steering.js";
import { drawButtons } from "./actions.js";
import { announce, sentence, showStatus } from "./status.js";
import { Cells, glyphs, withAgain } from "./cells.js";
import { put, write } from "./dom.js";
import { Commands } from "./commands.js";
import { NoCommands } from "./readonly.js";
import { Heat } from "./heat.js";
import { Inspector } from "./inspector.js";
import { Profile } from "./profile.js";
import { Timeline } from "./timeline.js";
import * as settings from "./settings.js";
import { forget, preview } from "./preview.js";
import { bindForms } from "./forms.js";
import { Order } from "./order.js";
import { StagingHistory } from "./undo.js";
import { Regret } from "./regret.js";
import { Arrivals } from "./arrivals.js";

const $ = (selector) => document.querySelector(selector);
const VIEWS = ["cells", "text", "table"];

export class Page extends Steering {
  constructor(main, snapshot) {
    super();
    this.state = fromSnapshot(snapshot);
    this.shown = snapshot.head.number;
    const [branch, number] = main.dataset.head.split(":").map(Number);
    this.state.head = { branch, number };
    this.address = main.dataset.base;
    this.readOnly = main.dataset.state === "read-only";
    this.pos = main.dataset.pos === "" ? null : Number(main.dataset.pos);
    this.mode = $("#view").value;
    this.puzzle = "columns" in $("#tokens").dataset;
    this.colour = $("#colour").value;
    this.online = false;
    this.cells = new Cells($("#tokens"));
    this.heat = new Heat((number, pos) => { this.show(number); this.choose(pos); });
    this.timeline = new Timeline((number) => this.show(number));
    this.inspector = new Inspector(this.address);
    this.order = new Order();
    this.staging = new StagingHistory(this.state.staged);
    this.arrivals = new Arrivals();
    this.regret = new Regret(this.address, () => this.later());
    this.profile = new Profile(this.address, () => this.later());
    bindForms(this);
    settings.onProbabilityChange(() => preview(this, settings.probabilitySettings()), () => this.reprocess());
  }

  attach(stream) {
    this.stream = stream;
    this.commands = this.readOnly ? new NoCommands() : new Commands(stream, this.state.session.model, () => this.later());
  }

  connected(yes) {
    if (this.online && !yes) this.commands.forget();
    if (this.online !== yes) this.arrivals.line(yes, tip(this.state));
    this.online = yes;
    this.later();
  }

  /** One JSON frame of the socket. */
  frame(frame) {
    const handlers = {
      event: () => this.event(frame),
      snapshot: () => this.replace(),
      reply: () => this.commands.answered(frame.reply ?? frame),
      error: () => this.commands.failed(frame.error ?? frame),
    };
    handlers[frame.t]?.();
  }

  event(frame) {
    const following = atHead(this.state, this.shown);
    const changed = reduce(this.state, frame);
    if (changed.includes("gap")) this.stream.send({ type: "resume", after: this.state.number });
    if (following && this.state.path === this.state.head.branch) this.shown = this.state.head.number;
    if (following && changed.includes("elsewhere")) this.leave(frame);
    if (frame.type === "run") this.runChanged(frame.payload);
    if (frame.type === "staged") this.staging.changed(frame.payload);
    if (frame.type === "step" || frame.type === "head") this.staging.forget();
    this.arrivals.came(tip(this.state));
    if (["forward", "step", "head"].includes(frame.type)) write($("#note"), "");
    if (frame.type === "forward") {
      this.regret.forget();
      this.profile.forget();
      this.heat.override(null);
      forget();
    }
    this.later();
  }

  /** Somebody moved the head to a line that this page does not hold. */
  leave({ type, payload }) {
    if (type === "head") location.assign(this.addressOf(payload.branch, payload.number));
  }

  addressOf(branch, number) {
    const pos = this.pos === null ? "" : `&pos=${this.pos}`;
    return `${this.address}?branch=${branch}&step=${number}${pos}`;
  }

  /** Too much was missed: the page is loaded anew, with its panels, where it was looking. */
  replace() {
    const following = atHead(this.state, this.shown);
    location.replace(following ? this.address : this.addressOf(this.state.path, this.shown));
  }

  runChanged(run) {
    const words = { done: "The run is done.", stopped: "The run was stopped.", failed: "The run failed." };
    if (words[run.status]) announce(words[run.status]);
  }

  // What is shown

  show(number) {
    this.shown = Math.max(0, Math.min(tip(this.state), number));
    this.later();
    clearTimeout(this.urlTimer);
    this.urlTimer = setTimeout(() => this.share(), 300);
  }

  share() {
    history.replaceState(null, "", this.addressOf(this.state.path, this.shown));
  }

  choose(pos, { focus = false } = {}) {
    if (pos === undefined || pos === null) return;
    this.pos = pos;
    this.draw();
    if (focus) this.cells.at(pos)?.focus();
    clearTimeout(this.urlTimer);
    this.urlTimer = setTimeout(() => this.share(), 300);
  }

  chosenRow() {
    return this.rows.find((row) => row.pos === this.pos);
  }

  step(by) {
    const at = this.rows.findIndex((row) => row.pos === this.pos);
    const next = Math.max(0, Math.min(this.rows.length - 1, (at < 0 ? 0 : at) + by));
    this.choose(this.rows[next]?.pos, { focus: true });
  }

  later() {
    if (this.scheduled) return;
    this.scheduled = true;
    requestAnimationFrame(() => { this.scheduled = false; this.draw(); });
  }

  draw() {
    const { state, shown } = this;
    const all = canvasAt(state, shown);
    this.rows = withAgain(withIdle(withCell(all, state.session), state.session));
    const here = atHead(state, shown);
    const staged = here ? state.staged.selections : {};
    this.masked = this.rows.filter((row) => row.masked).length;
    this.profile.want(["entropy", "margin"].includes(this.colour) || $("#ghosts").checked, state.path, shown, state.heat.has(shown));
    this.regret.want(state, shown, this.masked < this.rows.length);
    const view = { regret: this.regret.known, number: shown, tip: tip(state), mode: this.mode === "text" && !this.puzzle ? "text" : "cells",
      colour: this.colour, staged, ghosts: $("#ghosts").checked, profile: this.profile.known,
      live: isRunning(state) };
    this.cells.draw(this.rows, view);
    this.cells.select(this.pos, this.describe(this.chosenRow()));
    this.drawChrome(view, here);
  }

  /** What other settings change: the heat map, and the cells where they show it. */
  drawSettings() {
    if (this.cells.view?.profile) this.cells.draw(this.rows, { ...this.cells.view, profile: this.profile.known });
    this.heat.paint();
  }

  drawChrome(view, here) {
    const { state, shown } = this;
    const newest = shown === view.tip ? this.rows : withCell(canvasAt(state, view.tip), state.session);
    const columns = view.tip + 1 + (view.live ? stepsLeft(state, newest, view.tip) : 0);
    this.timeline.draw(state, shown, view.tip, columns);
    this.heat.draw(state, newest, columns, shown, this.chosenRow()?.id);
    if ($("#order-details").open) this.order.draw(newest, columns);
    drawButtons(this.situation(), this.commands?.busy ?? new Set());
    const share = 1 - this.masked / Math.max(1, this.rows.length);
    showStatus(sentence(state, shown, view.tip, this.masked), isRunning(state), share);
    put($("#tokens"), "aria-busy", String(isRunning(state)));
    $("#tokens").hidden = this.mode === "table";
    $("#token-table").hidden = this.mode !== "table";
    if (this.mode === "table") this.loadTable();
    this.drawViewing(here);
    this.drawBranches();
    this.inspect();
  }

  drawViewing(here) {
    const box = $("#viewing");
    box.hidden = here;
    if (!here) write($("#viewing-text"), `You are looking at step ${this.shown}; work stands at ${this.headWords()}. What you do here begins a new branch.`);
  }

  headWords() {
    const { head, path, branches } = this.state;
    return head.branch === path ? `step ${head.number}` : `${branches.get(head.branch)?.name ?? "another branch"}, step ${head.number}`;
  }

  drawBranches() {
    write($("#branch-name"), this.state.branches.get(this.state.path)?.name ?? "");
    for (const anchor of document.querySelectorAll("#branches a[data-branch]")) {
      if (Number(anchor.dataset.branch) === this.state.path) put(anchor, "aria-current", "true");
      else anchor.removeAttribute("aria-current");
    }
  }

  inspect() {
    if (this.pos === null) return;
    const row = this.chosenRow();
    const written = row && !row.masked;
    this.inspector.show({ pos: this.pos, branch: this.state.path, number: this.shown,
      state: written ? row.step : "masked", locked: row?.locked,
      staged: this.state.staged.selections[this.pos]?.token,
      pass: written ? "" : this.state.heat.get(this.shown)?.slice(0, 64) });
  }

  async loadTable() {
    const key = `${this.state.path}:${this.shown}:${this.state.number}`;
    if (key === this.tableKey) return;
    this.tableKey = key;
    const response = await fetch(`${this.address}step/${this.shown}/table/?branch=${this.state.path}`);
    if (response.ok && key === this.tableKey) window.htmx.swap("#token-table", await response.text(), { swapStyle: "innerHTML" });
  }

  describe(row) {
    if (!row) return "";
    const place = `Position ${row.pos}`;
    if (row.masked) return `${place}: masked`;
    const chance = row.p == null ? "" : `, ${(100 * row.p).toFixed(1)} %`;
    const doubt = this.regret.words(row);
    return `${place}: ${glyphs(row.label)}, step ${row.step}${chance}${row.by === "hand" ? ", by hand" : ""}${doubt}`;
  }

  look(mode, colour) {
    Object.assign(this, { mode, colour });
    this.later();
  }

  nextPlot() {
    const [steps, order] = [$("#steps-details"), $("#order-details")];
    [steps.open, order.open] = order.open ? [true, false] : steps.open ? [false, false] : [false, true];
  }

  nextView() {
    const select = $("#view");
    select.value = VIEWS[(VIEWS.indexOf(this.mode) + 1) % VIEWS.length];
    this.look(select.value, this.colour);
  }
}

/** Steps that a run has yet to go at its present pace, so that the pictures need not stretch. */
function stepsLeft(state, rows, tipNumber) {
  const written = state.steps.get(tipNumber)?.ops.length || 1;
  return Math.ceil(rows.filter((row) => row.masked).length / written);
}

/** The positions after the prompt; with open or filled places within it, the prompt's too. */
function withCell(rows, { prompt_length: start }) {
  return rows.slice(0, start).some((row) => !row.prompt) ? rows : rows.filter((row) => !row.prompt);
}

/** Masks of the blocks after the first open one wait for their turn. */
function withIdle(rows, { prompt_length: start, block_length: size }) {
  const open = rows.find((row) => row.masked);
  if (!open || open.pos < start) return rows;
  const last = start + (Math.floor((open.pos - start) / size) + 1) * size;
  for (const row of rows) row.idle = row.masked && row.pos >= last;
  return rows;
}
