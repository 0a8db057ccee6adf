// The page: the copy of the session, what of it is shown, and how it is drawn.
import { addressOf } from "./address.js";
import { Cells } from "./cells.js";
import { Chrome } from "./chrome.js";
import { Commands } from "./commands.js";
import { $, data } from "./dom.js";
import { bindForms } from "./forms.js";
import { Heat } from "./heat.js";
import { Inspector } from "./inspector.js";
import { describe } from "./look.js";
import { keepPanels, ownStorage, PanelMemory, restorePanels } from "./memory.js";
import { Passes } from "./passes.js";
import { Presets } from "./presets.js";
import { Preview } from "./preview.js";
import { Profile, passFor } from "./profile.js";
import { NoCommands } from "./readonly.js";
import { MissedSteps } from "./reconnect.js";
import { Regret } from "./regret.js";
import { rowsAt } from "./rows.js";
import { Settings } from "./settings.js";
import { Sheet } from "./sheet.js";
import { atHead, fromSnapshot, isRunning, tip } from "./state.js";
import { Status } from "./status.js";
import { Steering } from "./steering.js";
import { Timeline } from "./timeline.js";
import { toast } from "./toasts.js";
import { StagingHistory } from "./undo.js";
import { Updates } from "./updates.js";
const VIEWS = ["cells", "text", "overview", "table"];
export class Page {
  /** `told`: the server's snapshot and where its head is; `shown`: the step to begin with. */
  constructor(main, { snapshot, head, mixed }, shown) {
    this.state = fromSnapshot(snapshot);
    this.state.head = head;
    this.shown = shown;
    this.drawn = Number(main.dataset.number);
    this.address = main.dataset.base;
    this.readOnly = main.dataset.state === "read-only";
    this.pos = main.dataset.pos === "" ? null : Number(main.dataset.pos);
    this.mode = $("#view").value;
    this.colour = $("#colour").value;
    this.puzzle = "columns" in $("#tokens").dataset;
    this.online = false;
    this.memory = new PanelMemory(ownStorage(), snapshot.session.id);
    this.build(data("reasons"));
    this.passes.begin(this.state, mixed);
  }

  /** The parts of the page. Each has its own elements and is told what it needs. */
  build(reasons) {
    const unread = { ready: () => this.later(), failed: (error) => this.unread(error) };
    this.status = new Status();
    this.settings = new Settings($("#settings"));
    this.cells = new Cells($("#tokens"));
    this.passes = new Passes(this.address, { ...unread, ready: () => this.renewed() });
    this.heat = new Heat((number, pos) => this.goTo(number, pos), this.passes);
    this.timeline = new Timeline((number) => this.show(number));
    this.inspector = new Inspector(this.address);
    this.staging = new StagingHistory(this.state.staged);
    this.missed = new MissedSteps((text) => toast("good", text));
    this.regret = new Regret(this.address, unread);
    this.profile = new Profile(this.address, unread);
    this.preview = new Preview(this, (error) => this.unread(error));
    this.chrome = new Chrome(this, reasons);
    this.steering = new Steering(this, reasons);
    this.updates = new Updates(this);
    this.presets = new Presets(this.settings, data("preset-values"), () => this.commands);
    this.sheet = new Sheet(() => this.cells.at(this.pos)?.focus());
    restorePanels(this);
    bindForms(this);
    this.settings.onProbabilityChange(
      () => this.preview.show(this.settings.probability()),
      () => this.steering.reprocess(),
    );
  }

  keep() {
    keepPanels(this);
  }

  attach(stream) {
    this.stream = stream;
    this.commands = this.readOnly
      ? new NoCommands(() => this.steering.refuseReadOnly())
      : new Commands(stream, () => this.later());
  }

  /** The number after which events are asked for. The page was drawn before its snapshot was
   * taken: its panels need what came between, which the snapshot holds already. */
  get since() {
    return this.updates.begun ? this.state.number : this.drawn;
  }

  connected(yes) {
    if (this.online && !yes) this.commands.forget();
    if (this.online !== yes) this.missed.connected(yes, tip(this.state));
    this.online = yes;
    if (yes && this.stale) this.steering.reprocess();
    if (yes) this.stale = false;
    this.later();
  }

  /** What a picture needs could not be read: the page goes on without, and says so. */
  unread(error) {
    this.status.remark(`A part of the picture is missing: ${error.message}.`);
  }

  addressAt(branch, step) {
    const { pos, mode: view, colour } = this;
    return addressOf(this.address, { branch, step, pos, view, colour });
  }

  show(number) {
    this.shown = Math.max(0, Math.min(tip(this.state), number));
    this.later();
    this.shareLater();
  }

  goTo(number, pos) {
    this.show(number);
    this.choose(pos);
  }

  /** Writing the address is costly: once, when one has stopped moving. */
  shareLater() {
    clearTimeout(this.urlTimer);
    this.urlTimer = setTimeout(() => this.share(), 300);
  }

  /** While the head is followed the address names no step, so that a reload follows it too. */
  share() {
    const step = atHead(this.state, this.shown) ? null : this.shown;
    history.replaceState(null, "", this.addressAt(this.state.path, step));
  }

  choose(pos, { focus = false } = {}) {
    if (pos === undefined || pos === null) return;
    this.pos = pos;
    this.draw();
    if (focus) this.cells.at(pos)?.focus();
    this.shareLater();
  }

  chosenRow() {
    return this.rows.find((row) => row.pos === this.pos);
  }

  /** To another cell: what is folded into one counts as one. */
  step(by) {
    const cells = this.rows.filter((row) => !row.folded);
    const at = cells.findIndex((row) => row.pos === this.pos);
    const next = Math.max(0, Math.min(cells.length - 1, (at < 0 ? 0 : at) + by));
    this.choose(cells[next]?.pos, { focus: true });
  }

  later() {
    if (this.scheduled) return;
    this.scheduled = true;
    requestAnimationFrame(() => {
      this.scheduled = false;
      this.draw();
    });
  }

  draw() {
    const { state, shown } = this;
    this.rows = rowsAt(state, shown, this.pos);
    this.masked = this.rows.filter((row) => row.masked).length;
    this.ask();
    const here = atHead(state, shown);
    const view = this.view(here);
    this.cells.draw(this.rows, view);
    const chosen = this.chosenRow();
    this.cells.select(this.pos, chosen ? describe(chosen) + this.regret.words(chosen) : "");
    this.chrome.draw(view);
    this.inspect();
  }

  /** Fetch what the picture needs and the page does not hold. */
  ask() {
    const { state, shown } = this;
    const wanted = ["entropy", "margin"].includes(this.colour) || $("#guesses").checked;
    this.profile.want(wanted, state, shown);
    this.regret.want(state, shown, this.masked < this.rows.length);
    this.passes.want(state);
  }

  /** How the cells are looked at now: see look.js. */
  view(here) {
    return {
      regret: this.regret.known,
      number: this.shown,
      tip: tip(this.state),
      mode: this.puzzle || this.mode === "table" ? "cells" : this.mode,
      colour: this.colour,
      staged: here ? this.state.staged.selections : {},
      guesses: $("#guesses").checked,
      profile: this.profile.known,
      levels: this.heat.column(passFor(this.state, this.shown)),
      live: isRunning(this.state),
    };
  }

  /** The server has told what a moved slider had shown ahead of it. */
  renewed() {
    this.heat.override(null);
    this.later();
  }

  /** What other settings change: the heat map, and the cells where they show it. */
  drawSettings() {
    const view = this.cells.view;
    const levels = this.heat.column(passFor(this.state, this.shown));
    if (view?.profile) this.cells.draw(this.rows, { ...view, levels, profile: this.profile.known });
    this.heat.paint();
  }

  inspect() {
    if (this.pos === null) return;
    const row = this.chosenRow();
    const written = row && !row.masked;
    this.inspector.show({
      pos: this.pos,
      branch: this.state.path,
      number: this.shown,
      state: written ? row.step : "masked",
      locked: row?.locked,
      staged: this.state.staged.selections[this.pos]?.token,
      pass: written ? "" : this.state.heat.get(this.shown)?.slice(0, 64),
    });
  }

  look(mode, colour) {
    Object.assign(this, { mode, colour });
    this.keep();
    this.shareLater();
    this.later();
  }

  nextView() {
    const select = $("#view");
    select.value = VIEWS[(VIEWS.indexOf(this.mode) + 1) % VIEWS.length];
    this.look(select.value, this.colour);
  }
}
