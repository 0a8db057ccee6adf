// One model of the drawer: its tree, its distribution on the screen, its text.
import { Bars } from "./bars.js";
import { drawingOf } from "./drawer_controls.js";
import { Loading, patiently } from "./loading.js";
import { Lookahead } from "./lookahead.js";
import { askNextToken } from "./next_token.js";
import { Output } from "./output.js";
import { TokenTree } from "./token_tree.js";

const SEEDS = 2 ** 31;
export const newSeed = () => Math.floor(Math.random() * SEEDS);

export class Side {
  /** `drawer` tells settings and is told of failures; `root` holds this side's parts. */
  constructor(drawer, root, model) {
    Object.assign(this, { drawer, root, model });
    const part = (name) => root.querySelector(`[data-${name}]`);
    this.bars = new Bars(part("bars"), part("rest"), () => drawer.accept(this));
    this.output = new Output(part("output"), (number) => drawer.back(this, number));
    this.tree = new TokenTree();
    this.lookahead = new Lookahead(
      () => this.question(),
      (question, warm) => this.send(question, warm),
    );
    this.loading = new Loading(() => drawer.draw());
    this.scored = null;
    this.asked = null;
    root.addEventListener("focusin", () => drawer.activate(this));
  }

  get settings() {
    return this.drawer.settings;
  }

  /** What people call its model. */
  get name() {
    return this.model.selectedOptions[0]?.text ?? this.model.value;
  }

  get next() {
    return this.tree.node.next;
  }

  question() {
    const drawing = drawingOf(this.settings);
    return { session_id: this.model.value, seed: this.tree.seed, ...drawing };
  }

  /** The first question may have to wait for the model to be loaded, however long that takes. */
  send(question, warm) {
    const ask = () => askNextToken(question, warm);
    return warm ? ask() : patiently(ask, question.session_id);
  }

  restart(text) {
    this.tree = new TokenTree(text, newSeed());
    this.asked = null;
    this.scored = null;
    this.bars.clear();
  }

  /** The distribution behind the text as it is, on the screen; null if it has changed meanwhile. */
  async look(ahead = 1) {
    if (!this.tree.text || !this.model.value) return null;
    const asked = Symbol("question");
    this.asked = asked;
    const { tree } = this;
    const { at } = tree;
    try {
      const question = this.lookahead.next(tree, ahead);
      this.loading.during(this.model.value, question);
      const found = await question;
      if (asked !== this.asked || tree !== this.tree || tree.at !== at) return null;
      this.show();
      return found;
    } catch (error) {
      if (asked === this.asked) this.drawer.failed(error);
      return null;
    }
  }

  show(chosen = null, keep = false) {
    if (!this.next) return;
    this.bars.show(this.next.under(this.settings), chosen, keep);
    this.drawer.watchTraining(this, this.next.training);
    this.drawer.draw();
  }

  /** Take a row of the distribution on the screen; then the next one is looked for. */
  async take(row, ahead) {
    this.tree.take(row);
    if (this.next) this.show();
    else {
      this.bars.expire();
      this.drawer.draw();
      await this.look(ahead);
    }
  }

  /** One token further by itself; false where the text ends or nothing came. */
  async advance() {
    const next = this.next ?? (await this.look(4));
    if (!next || !this.drawer.playing) return false;
    if (next.isEnd) {
      this.ended = true;
      return false;
    }
    await this.take(next.chosen, 4);
    this.lookahead.prefetch(this.tree);
    return true;
  }

  /** A token's alternatives: the distribution that it was taken from, itself marked. */
  async back(number) {
    const { parent, token_id: id } = this.tree.nodes[number];
    this.tree.go(parent);
    if (!this.next && !(await this.look())) return;
    this.show(id);
    const at = this.bars.rows.findIndex((row) => row.token_id === id);
    if (at > 0) this.bars.move(at - this.bars.at);
  }
}
