// The token playground: one token after another, from the distribution that is on the screen.
import { element } from "../dom.js";
import { toast } from "../toasts.js";
import { Bars } from "./bars.js";
import { countText, shadedText, stateWords, tokenButton } from "./drawer_text.js";
import { askNextToken, failureWords } from "./next_token.js";

const PARTS = (
  "model input shade counter play pause step regenerate speed speed-text sample temperature " +
  "status output"
).split(" ");

export class Drawer {
  constructor(root, opener) {
    this.root = root;
    this.opener = opener;
    const part = (name) => root.querySelector(`[data-${name}]`);
    for (const name of PARTS) this[name] = part(name);
    this.most = Number(root.querySelector("[data-most]").dataset.most);
    this.bars = new Bars(part("bars"), () => this.accept());
    this.tokens = []; // {token, token_id, distribution it was taken from}
    this.next = null; // the distribution on the screen
    this.playing = false;
    this.warm = false;
    this.bind(part);
    this.draw();
  }

  bind(part) {
    for (const close of this.root.querySelectorAll("[data-close]"))
      close.addEventListener("click", () => this.close());
    this.input.addEventListener("input", () => this.restart());
    this.model.addEventListener("change", () => {
      this.warm = false;
      this.restart();
    });
    for (const one of [this.sample, this.temperature])
      one.addEventListener("change", () => this.look());
    this.speed.addEventListener("input", () => {
      this["speed-text"].textContent = `${this.speed.value} ms`;
    });
    this.play.addEventListener("click", () => this.start());
    this.pause.addEventListener("click", () => this.halt());
    this.step.addEventListener("click", () => this.accept());
    this.regenerate.addEventListener("click", () => this.restart());
    part("clear").addEventListener("click", () => {
      this.input.value = "";
      this.restart();
      this.input.focus();
    });
    this.output.addEventListener("click", (event) => this.back(event.target.closest("[data-at]")));
    document.addEventListener("keydown", (event) => this.key(event));
    document.addEventListener("visibilitychange", () => document.hidden && this.leave());
  }

  toggle() {
    if (this.root.classList.contains("open")) this.close();
    else {
      this.root.classList.add("open");
      this.input.focus();
    }
    this.opener.setAttribute("aria-expanded", String(this.root.classList.contains("open")));
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

  key(event) {
    if (!this.root.classList.contains("open")) return;
    const typing = event.target.matches("textarea, input, select, button");
    const keys = {
      Escape: () => this.close(),
      ArrowDown: () => this.bars.move(1),
      ArrowUp: () => this.bars.move(-1),
      Enter: () => !typing && this.accept(),
      " ": () => !typing && (this.playing ? this.halt() : this.start()),
    };
    const arrows = event.key.startsWith("Arrow") && event.target.matches("textarea, select, input");
    if (!keys[event.key] || arrows) return;
    if (keys[event.key]() !== false) event.preventDefault();
  }

  /** What was generated goes; the text's own next distribution comes. */
  restart() {
    this.told = "";
    this.unknown = [];
    this.halt();
    this.tokens = [];
    this.next = null;
    this.bars.clear();
    clearTimeout(this.soon);
    if (this.input.value) this.soon = setTimeout(() => this.look(), 250);
    this.draw();
  }

  async look() {
    if (!this.input.value || !this.model.value) return null;
    const asked = Symbol("question");
    this.asked = asked;
    const found = await this.ask();
    if (asked !== this.asked) return null; // the text has changed meanwhile
    this.next = found;
    if (found) this.bars.show(found.probabilities);
    this.draw();
    return found;
  }

  async ask() {
    const question = {
      session_id: this.model.value,
      context: this.input.value,
      token_ids: this.tokens.map((one) => one.token_id),
      temperature: Number(this.temperature.value),
    };
    try {
      const how = { sample: this.sample.checked, warm: this.warm };
      const told = await askNextToken(question, how);
      this.warm = true;
      return told;
    } catch (error) {
      this.failed(error);
      return null;
    }
  }

  failed(error) {
    this.halt();
    console.error("token playground", error);
    const words = failureWords(error);
    if (words.toast) toast("error", words.toast);
    this.say(words.text);
    this.unknown = words.unknown;
    this.shadeText();
  }

  /** Take the highlighted token, then look at what comes next. */
  async accept(one = null) {
    const expired = !this.next;
    if (this.tokens.length >= this.most || (expired && !(await this.look()))) return;
    const taken = (expired ? null : one) ?? this.bars.highlighted;
    this.tokens.push({ ...taken, next: this.next });
    this.next = null;
    this.bars.expire();
    if (this.tokens.length >= this.most) return this.halt();
    this.draw();
    await this.look();
  }

  start() {
    if (this.playing || this.play.disabled) return;
    this.playing = true;
    this.told = "";
    this.draw();
    this.loop();
  }

  async loop() {
    while (this.playing) {
      const began = performance.now();
      const next = this.next ?? (await this.look());
      if (!next || !this.playing) break;
      const id = this.sample.checked ? next.next_token_id : next.probabilities[0].token_id;
      const drawn = { token: next.next_token, token_id: next.next_token_id };
      await this.accept(next.probabilities.find((row) => row.token_id === id) ?? drawn);
      await new Promise((done) => {
        setTimeout(done, this.speed.value - (performance.now() - began));
      });
    }
    this.playing = false;
    this.draw();
  }

  halt() {
    this.playing = false;
    this.draw();
  }

  /** A click on a generated token: its alternatives, from which another line begins. */
  back(button) {
    if (!button) return;
    this.halt();
    const at = Number(button.dataset.at);
    const past = this.tokens[at];
    this.tokens = this.tokens.slice(0, at);
    this.next = past.next;
    this.bars.show(past.next.probabilities, past.token_id);
    this.draw();
  }

  get size() {
    return Number(
      this.next?.context_size ??
        this.tokens.at(-1)?.next.context_size ??
        this.model.selectedOptions[0]?.dataset.context ??
        0,
    );
  }

  /** What stays to be read until something else is done. */
  say(text) {
    this.told = text;
    this.status.textContent = text;
  }

  /** What the state itself says. */
  words() {
    const at = { model: this.model.value, text: this.input.value, tokens: this.tokens.length };
    return stateWords({ ...at, most: this.most, playing: this.playing });
  }

  draw() {
    const empty = !this.input.value || !this.model.value;
    const full = this.tokens.length >= this.most;
    for (const one of [this.play, this.step]) one.disabled = empty || full || this.playing;
    this.pause.disabled = !this.playing;
    this.regenerate.disabled = !this.tokens.length;
    this.count();
    this.shadeText();
    const cursor = element("span", this.playing ? "█" : "", this.playing ? "cursor" : "");
    const buttons = this.tokens.map(tokenButton);
    this.output.replaceChildren(this.input.value, ...buttons, cursor);
    this.output.scrollTop = this.output.scrollHeight;
    this.status.textContent = this.told || this.words();
  }

  count() {
    const { words, cut } = countText(this.input.value, this.tokens, this.next);
    this.cut = cut;
    this.counter.textContent = words;
    this.counter.title = this.size ? `Model only sees the last ${this.size} tokens` : "";
  }

  shadeText() {
    const cut = Math.min(this.cut ?? 0, [...this.input.value].length);
    this.shade.replaceChildren(...shadedText(this.input.value, cut, this.unknown));
  }
}
