// What the user does: each intent becomes a command to the server, at the step that is shown.
import { announce } from "./status.js";
import { atHead, isRunning } from "./state.js";
import { compare } from "./compare.js";
import { reasonAgainst } from "./actions.js";
import { toast } from "./toasts.js";
import * as settings from "./settings.js";

const $ = (selector) => document.querySelector(selector);

/** Base of the page: needs state, shown, pos, rows, masked, online, commands, inspector, show(), chosenRow(). */
export class Steering {
  situation() {
    const staged = atHead(this.state, this.shown) ? Object.keys(this.state.staged.selections).length : 0;
    return { readOnly: this.readOnly, online: this.online, running: isRunning(this.state), masked: this.masked,
      hasPass: this.state.heat.has(this.shown), staged };
  }

  /** Commands act at the server's head: go there first if another step is shown. */
  async here() {
    if (atHead(this.state, this.shown)) return true;
    return Boolean(await this.commands.send({ type: "rewind", branch: this.state.path, step: this.shown }));
  }

  async act(name) {
    const reason = reasonAgainst(name, this.situation());
    if (reason) return announceAndShow(reason);
    if (this.commands.busy.has(name) || !settings.valid()) return undefined;
    this.timeline.pause();
    if (name === "compare") return compare(this);
    if (name !== "stop" && !(await this.here())) return undefined;
    return this.commands.send(this.message(name), { name });
  }

  message(name) {
    const picks = Object.entries(this.state.staged.selections).map(([pos, pick]) => [pos, pick.token]);
    return {
      forward_pass: () => ({ type: name, ...settings.probabilitySettings(), positions: [0, 0] }),
      auto_select: () => ({ type: name, strategy: settings.strategy(), tokens_to_select: settings.tokensPerStep() }),
      apply_selection: () => ({ type: name, selections: Object.fromEntries(picks) }),
      run: () => ({ type: name, recipe: settings.recipe(), ...settings.pace(),
        parameters: settings.runParameters(), keep_settled: settings.keepSettled() }),
      stop: () => ({ type: name }),
    }[name]();
  }

  applyOrRun() {
    return this.act(this.situation().staged ? "apply_selection" : "run");
  }

  async stage(pos, token) {
    if (await this.here()) await this.commands.send({ type: "stage", selections: { [pos]: token } });
  }

  stageNth(n) {
    const radio = this.inspector.candidate(n);
    if (!radio || !this.inspector.isMasked) return;
    radio.checked = true;
    this.stage(this.pos, Number(radio.value));
  }

  unstage(pos) {
    if (this.state.staged.selections[pos]) this.stage(pos, null);
  }

  clearStaged() {
    this.commands.send({ type: "stage", selections: {}, replace: true });
  }

  /** Ctrl+Z, Ctrl+Shift+Z: the former selection lies staged again. */
  async undoStaging(where) {
    const picks = atHead(this.state, this.shown) ? this.staging[where]() : null;
    if (!picks) return announceAndShow(where === "back" ? "No staging to undo." : "No staging to redo.");
    const reply = await this.commands.send({ type: "stage", selections: picks, replace: true });
    if (!reply) this.staging.refused(this.state.staged);
    return reply;
  }

  /** Alt+. and Alt+,: the next or previous candidate of the chosen position lies staged. */
  nextCandidate(by) {
    if (!this.inspector.isMasked) return;
    const radio = this.inspector.besides(by);
    if (!radio) return;
    radio.checked = true;
    this.stage(this.pos, Number(radio.value));
  }

  compareWithParent() {
    const { branches, path } = this.state;
    const parent = branches.get(path)?.parent;
    location.assign(`${this.address}compare/${parent ? `?a=${parent}&b=${path}` : ""}`);
  }

  async onPosition(type) {
    const row = this.chosenRow();
    if (!row) return announceAndShow("Choose a token first.");
    const name = type === "lock" && row.locked ? "unlock" : type;
    if (name === "remask" && row.masked) return announceAndShow("This position is masked already.");
    return (await this.here()) && this.commands.send({ type: name, positions: [this.pos] });
  }

  async branch() {
    if (!(await this.here())) return;
    const reply = await this.commands.send({ type: "branch" });
    if (reply) toast("good", `Now on a new branch from step ${this.shown}.`);
  }

  back() {
    const { head, path } = this.state;
    if (head.branch === path) this.show(head.number);
    else location.assign(`${this.address}?branch=${head.branch}`);
  }

  cancelLoad() {
    this.commands.send({ type: "cancel_load", model_path: this.state.session.model });
  }

  async reprocess() {
    this.profile.forget();
    if (this.readOnly || !this.online || !this.state.heat.has(this.state.head.number)) return;
    const message = { type: "reprocess_probabilities", settings: settings.probabilitySettings(), positions: [0, 0] };
    const reply = await this.commands.send(message, { quiet: true });
    if (!reply) return;
    this.inspector.refresh();
    sayWhence(reply.result?.source, this.state.head.number);
    this.later();
  }

  help() {
    $("#help").showModal();
  }

  escape() {
    if (isRunning(this.state)) this.act("stop");
  }
}

/** Which numbers the page shows now: the model's own, or those that were kept of them. */
function sayWhence(source, number) {
  const words = { digest: `Recomputed from what was kept of step ${number}'s forward pass; the model was not asked.` };
  $("#note").textContent = words[source] ?? "";
}

function announceAndShow(reason) {
  announce(reason);
  toast("info", reason);
}
