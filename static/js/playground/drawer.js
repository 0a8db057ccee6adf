// The token playground: one token after another, from the distribution that is on the screen.
import { write } from "../dom.js";
import { toast } from "../toasts.js";
import { bindControls, settingsOf, writeSettings } from "./drawer_controls.js";
import { stateWords, sumWords } from "./drawer_text.js";
import { History } from "./history.js";
import { failureWords } from "./next_token.js";
import { Score } from "./score.js";
import { Shade } from "./shade.js";
import { Side } from "./side.js";
import { TreeView } from "./tree_view.js";

const PARTS = (
  "model other indicator input play pause step regenerate speed speed-text sample " +
  "temperature temperature-text top-k top-k-text top-p top-p-text status colour sum"
).split(" ");
const TRAINS = new Set(["queued", "running"]);
const TYPING = 250; // milliseconds without a key after which a typed text is looked at

export class Drawer {
  constructor(root, opener) {
    Object.assign(this, { root, opener, playing: false, told: "", unknown: [] });
    const part = (name) => root.querySelector(`[data-${name}]`);
    for (const name of PARTS) this[name] = part(name);
    this.most = Number(part("most").dataset.most);
    const [first, second] = root.querySelectorAll("[data-side]");
    this.main = new Side(this, first, this.model);
    this.beside = new Side(this, second, this.other);
    this.active = this.main;
    this.history = new History(this, part("history"));
    this.shade = new Shade(this, part);
    this.score = new Score(this, part("score"));
    this.view = new TreeView(part("branches"), (number) => this.visit(number));
    bindControls(this, part);
    this.settled();
    this.draw();
  }

  /** The sides that take part. */
  get sides() {
    return this.other.value ? [this.main, this.beside] : [this.main];
  }

  get settings() {
    return settingsOf(this);
  }

  get isOpen() {
    return this.root.classList.contains("open");
  }

  clear() {
    this.input.value = "";
    this.restart();
    this.input.focus();
  }

  toggle() {
    if (this.isOpen) this.close();
    else {
      this.root.classList.add("open");
      this.input.focus();
    }
    this.opener.setAttribute("aria-expanded", String(this.isOpen));
  }

  close() {
    this.halt();
    this.root.classList.remove("open");
    this.opener.setAttribute("aria-expanded", "false");
    this.opener.focus();
  }

  leave() {
    if (!this.playing) return;
    this.halt();
    this.say(`⚠️ Switch back to ${document.title} to continue`);
  }

  /** The side whose bars the arrow keys move in. */
  activate(side) {
    this.active = side;
  }

  changeModel(side) {
    side.lookahead.warm = false;
    side.training = null;
    this.restart();
  }

  /** What was generated goes; the text's own next distribution comes. */
  restart() {
    this.told = "";
    this.unknown = [];
    this.halt();
    for (const side of this.sides) side.restart(this.input.value);
    this.active = this.main;
    clearTimeout(this.soon);
    if (this.input.value) this.soon = setTimeout(() => this.typed(), TYPING);
    this.draw();
  }

  async typed() {
    await Promise.all(this.sides.map((side) => side.look()));
    await this.score.ask();
  }

  /** A kept tree instead of what is there. */
  load(kept, tree) {
    this.input.value = kept.text;
    this.restart();
    clearTimeout(this.soon);
    this.model.value = kept.model;
    this.main.tree = tree;
    this.typed();
    this.draw();
  }

  /** The sliders' texts, and what they do to the bars, at once. */
  settled() {
    writeSettings(this);
    for (const side of this.sides) side.show(null, true);
  }

  /** What is drawn at random is drawn by the server, from the distribution as it is set. */
  redraw() {
    for (const side of this.sides) {
      side.lookahead.forget(side.tree);
      side.look();
    }
  }

  /** A model that was being trained when it was asked before, and is not any more. */
  watchTraining(side, training) {
    const was = side.training;
    side.training = training?.state ?? null;
    if (!TRAINS.has(was) || TRAINS.has(side.training)) return;
    this.halt();
    this.say("⚠️ Training session ended");
  }

  failed(error) {
    this.halt();
    console.error("token playground", error);
    const words = failureWords(error);
    if (words.toast) toast("error", words.toast);
    this.say(words.text);
    this.unknown = words.unknown;
    this.draw();
  }

  /** Take the highlighted token of a side, or of both; a token of an expired distribution never. */
  async accept(only = null) {
    this.told = "";
    const sides = only ? [only] : this.sides;
    await Promise.all(sides.map((side) => this.acceptOn(side)));
    this.history.changed();
  }

  async acceptOn(side) {
    if (side.tree.path().length >= this.most) return;
    if (!side.next && !(await side.look())) return;
    await side.take(side.bars.highlighted);
  }

  start() {
    if (this.playing || this.play.disabled) return;
    this.playing = true;
    this.told = "";
    for (const side of this.sides) side.ended = false;
    this.draw();
    this.loop();
  }

  async loop() {
    let due = performance.now();
    while (this.playing) {
      const sides = this.sides.filter((side) => side.tree.path().length < this.most);
      const went = await Promise.all(sides.map((side) => side.advance()));
      if (!went.some(Boolean)) break;
      due = Math.max(due + Number(this.speed.value), performance.now());
      await new Promise((done) => setTimeout(done, due - performance.now()));
    }
    this.halt();
  }

  halt() {
    if (this.playing) this.history.changed();
    this.playing = false;
    this.draw();
  }

  /** A click on a generated token: its alternatives, from which another line begins. */
  back(side, number) {
    this.halt();
    this.told = "";
    side.back(number);
  }

  /** Arrow keys along the line: to the token before with its alternatives, or on again. */
  walk(by) {
    const { tree } = this.active;
    if (by < 0 && tree.at) this.back(this.active, tree.at);
    else if (by > 0 && tree.ahead()) this.visit(tree.ahead());
  }

  /** Another place of the tree. */
  visit(number) {
    this.halt();
    this.main.tree.go(number);
    this.main.bars.expire();
    this.main.look();
    this.draw();
  }

  /** What stays to be read until something else is done. */
  say(text) {
    this.told = text;
    this.status.textContent = text;
  }

  draw() {
    const { tree, next } = this.main;
    const text = this.input.value;
    const count = tree.path().length;
    const empty = !text || !this.model.value;
    for (const one of [this.play, this.step])
      one.disabled = empty || count >= this.most || this.playing;
    this.pause.disabled = !this.playing;
    this.regenerate.disabled = tree.nodes.length < 2;
    this.shade.draw(tree, next, this.unknown);
    const using = this.model.selectedOptions[0]?.dataset.words;
    write(this.indicator, using ? `Using model: ${using}` : "");
    this.beside.root.hidden = !this.other.value;
    const how = { colour: this.colour.value, playing: this.playing };
    for (const side of this.sides) side.output.draw(side.tree, { ...how, scored: side.scored });
    const counted = tree.tokens().filter((node) => node.logprob !== null);
    write(this.sum, sumWords(tree.nats(), counted.length));
    this.view.draw(tree, this.playing);
    const ended = this.main.ended || next?.isEnd;
    const loading = this.sides.map((side) => side.loading.words).find(Boolean);
    const known = Boolean(next);
    const at = { model: this.model.value, text, tokens: count, most: this.most, known, loading };
    write(this.status, this.told || stateWords({ ...at, playing: this.playing, ended }));
  }
}
