// What the user does: each intent becomes a command to the server, at the step that is shown.
import { comparisonOf } from "./address.js";
import { neighbour } from "./branches.js";
import { $ } from "./dom.js";
import { atHead, hasDistribution, isRunning, tip } from "./state.js";
import { StrategyComparison } from "./strategies.js";
import { toast } from "./toasts.js";

/** Action → its message. `settings`: see settings.js; `staged`: the selections. */
const MESSAGES = {
  forward_pass: (settings) => ({ ...settings.probability(), positions: [0, 0] }),
  auto_select: (settings) => ({
    strategy: settings.strategy,
    tokens_to_select: settings.tokensPerStep,
  }),
  apply_selection: (_settings, staged) => ({ selections: tokensOf(staged) }),
  run: (settings) => ({
    recipe: settings.recipe,
    ...settings.pace(),
    parameters: settings.runParameters(),
    keep_settled: settings.keepSettled,
  }),
  run_again: (settings) => ({ ...MESSAGES.run(settings), ...settings.again() }),
  stop: () => ({}),
  compare: (settings) => ({ tokens_to_select: settings.tokensPerStep }),
};

/** Actions that do not care which step is shown. */
const ANYWHERE = new Set(["stop", "run_again"]);

/** Position → token of staged selections. */
export function tokensOf(staged) {
  return Object.fromEntries(Object.entries(staged).map(([pos, pick]) => [pos, pick.token]));
}

export class Steering {
  /** `page`: the state, what is shown, and where commands are sent to. */
  constructor(page, reasons) {
    Object.assign(this, { page, reasons });
    this.strategies = new StrategyComparison(page.settings, (name) => this.take(name));
  }

  situation() {
    const { state, shown, readOnly, online, masked } = this.page;
    const here = atHead(state, shown);
    const staged = here ? Object.keys(state.staged.selections).length : 0;
    const [running, hasPass] = [isRunning(state), hasDistribution(state, shown)];
    const hasRun = state.run !== null;
    return { readOnly, online, running, masked, hasPass, hasRun, staged };
  }

  /** Commands act at the server's head: go there first if another step is shown. */
  async here() {
    const { state, shown, commands } = this.page;
    if (atHead(state, shown)) return true;
    return Boolean(await commands.send({ type: "rewind", branch: state.path, step: shown }));
  }

  async act(name) {
    const { page } = this;
    const reason = page.chrome.buttons.reasonAgainst(name, this.situation());
    if (reason) return page.status.refuse(reason);
    if (page.commands.busy.has(name) || !page.settings.valid()) return undefined;
    page.timeline.pause();
    if (!ANYWHERE.has(name) && !(await this.here())) return undefined;
    const told = MESSAGES[name](page.settings, page.state.staged.selections);
    const reply = await page.commands.send({ type: name, ...told }, { name });
    if (name === "compare" && reply) this.strategies.show(reply.strategies);
    return reply;
  }

  /** Stage what a strategy of the comparison would take. */
  take(name) {
    this.page.settings.strategy = name;
    this.act("auto_select");
  }

  applyOrRun() {
    return this.act(this.situation().staged ? "apply_selection" : "run");
  }

  async stage(pos, token) {
    if (!(await this.here())) return;
    await this.page.commands.send({ type: "stage", selections: { [pos]: token } });
  }

  /** The tokens of a text, or the one with an id ("#123"), from a masked position on. */
  async stageTyped(text) {
    const id = /^#(\d+)$/.exec(text)?.[1];
    if (id !== undefined) return this.stage(this.page.pos, Number(id));
    if (!(await this.here())) return null;
    return this.page.commands.send({ type: "stage_text", position: this.page.pos, text });
  }

  /** Another candidate of a written position: a branch from the state in which it was masked. */
  chooseInstead({ step, branch, position, token, goOn }) {
    const { settings, commands, timeline } = this.page;
    timeline.pause();
    const { keep_settled: _, ...rest } = MESSAGES.run(settings);
    const how = goOn ? { go_on: true, ...rest } : {};
    return commands.send({ type: "choose", step, branch, position, token, ...how });
  }

  /** One mask after the chosen position. */
  async insertAfter() {
    const { page } = this;
    return (await this.here()) && page.commands.send({ type: "insert", position: page.pos });
  }

  stageNth(n) {
    this.stageRadio(this.page.inspector.candidate(n));
  }

  /** Alt+. and Alt+,: the next or previous candidate of the chosen position lies staged. */
  nextCandidate(by) {
    this.stageRadio(this.page.inspector.besides(by));
  }

  stageRadio(radio) {
    if (!radio || !this.page.inspector.isMasked) return;
    radio.checked = true;
    this.stage(this.page.pos, Number(radio.value));
  }

  unstage(pos) {
    if (this.page.state.staged.selections[pos]) this.stage(pos, null);
  }

  clearStaged() {
    this.page.commands.send({ type: "stage", selections: {}, replace: true });
  }

  /** Ctrl+Z, Ctrl+Shift+Z: the former selection lies staged again. */
  async undoStaging(where) {
    const { state, shown, staging, status, commands } = this.page;
    const picks = atHead(state, shown) ? staging[where]() : null;
    if (!picks) return status.refuse(`No staging to ${where === "back" ? "undo" : "redo"}.`);
    const reply = await commands.send({ type: "stage", selections: picks, replace: true });
    if (!reply) staging.refused(state.staged);
    return reply;
  }

  compareWithParent() {
    location.assign(comparisonOf(this.page.address, this.page.state));
  }

  /** Alt + arrows: to another branch of the tree. */
  goToBranch(where) {
    const found = neighbour(this.page.state, where);
    // The fragment puts the focus into the tokens of the next page, so that keys go on working.
    if (found) location.assign(`${this.page.address}?branch=${found.id}#main`);
  }

  async onPosition(type) {
    const { page } = this;
    const row = page.chosenRow();
    if (!row) return page.status.refuse("Choose a token first.");
    const name = type === "lock" && row.locked ? "unlock" : type;
    if (name === "remask" && row.masked) {
      return page.status.refuse("This position is masked already.");
    }
    return (await this.here()) && page.commands.send({ type: name, positions: [page.pos] });
  }

  async branch() {
    if (!(await this.here())) return;
    const reply = await this.page.commands.send({ type: "branch" });
    if (reply) toast("good", `Now on a new branch from step ${this.page.shown}.`);
  }

  back() {
    const { head, path } = this.page.state;
    if (head.branch === path) this.page.show(Math.max(tip(this.page.state), head.number));
    else location.assign(`${this.page.address}?branch=${head.branch}`);
  }

  cancelLoad() {
    const model_path = this.page.state.session.model;
    this.page.commands.send({ type: "cancel_load", model_path });
  }

  /** The server's numbers under the settings of the panel. */
  async reprocess() {
    const { page } = this;
    if (page.readOnly || !page.online || !page.state.heat.size) return;
    const settings = page.settings.probability();
    const message = { type: "reprocess_probabilities", settings, positions: [0, 0] };
    const reply = await page.commands.send(message, { quiet: true });
    if (!reply) return;
    page.profile.forget();
    page.inspector.refresh();
    page.status.remark(whence(reply.result?.source));
    page.later();
  }

  help() {
    $("#help").showModal();
  }

  escape() {
    if (isRunning(this.page.state)) this.act("stop");
  }

  refuseReadOnly() {
    this.page.status.refuse(this.reasons.read_only);
  }
}

/** Which numbers the page shows now: the model's own, or those that were kept of them. */
function whence(source) {
  if (source !== "digest") return "";
  return "Recomputed from what was kept of the forward passes; the model was not asked.";
}
