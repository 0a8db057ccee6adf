// What was tried after a text, token by token: a tree in which shared beginnings are one. Pure
// data: nodes are numbered from 0 (the text), parents before their children.
export class TokenTree {
  constructor(text = "", seed = 0) {
    Object.assign(this, { text, seed, id: null, at: 0, version: 0 });
    this.nodes = [{ parent: null, children: [], next: null }];
  }

  /** Out of a kept tree; what the model said comes with each token. */
  static from(kept) {
    const tree = new TokenTree(kept.text, kept.seed);
    tree.id = kept.id;
    for (const { parent, label, token, logprob, entropy } of kept.tokens)
      tree.add(parent, { token: label, token_id: token, logprob, entropy });
    tree.at = kept.head;
    tree.version = 0;
    return tree;
  }

  get node() {
    return this.nodes[this.at];
  }

  /** Numbers from the first token to a node. */
  path(at = this.at) {
    const line = [];
    for (let here = at; here; here = this.nodes[here].parent) line.push(here);
    return line.reverse();
  }

  tokens(at = this.at) {
    return this.path(at).map((number) => this.nodes[number]);
  }

  ids(at = this.at) {
    return this.tokens(at).map((node) => node.token_id);
  }

  /** The text up to a node. */
  textAt(at = this.at) {
    const behind = this.tokens(at).map((node) => node.token);
    return this.text + behind.join("");
  }

  child(at, tokenId) {
    return this.nodes[at].children.find((number) => this.nodes[number].token_id === tokenId);
  }

  add(at, { token, token_id, logprob = null, entropy = null }) {
    const number = this.nodes.length;
    this.nodes.push({ parent: at, token, token_id, logprob, entropy, children: [], next: null });
    this.nodes[at].children.push(number);
    this.version += 1;
    return number;
  }

  /** Go on with a token of the distribution in hand; one that was taken before is the same node. */
  take(row) {
    const from = this.node.next;
    const known = this.child(this.at, row.token_id);
    const told = { logprob: from?.logprob(row.token_id) ?? null, entropy: from?.entropy ?? null };
    const number = known ?? this.add(this.at, { ...row, ...told });
    if (from?.chosen.token_id === row.token_id) this.nodes[number].next ??= from.follow;
    this.at = number;
    return number;
  }

  /** What came for behind a distribution's chosen token, when that token has been taken already. */
  attach(from, found) {
    const at = this.nodes.findIndex((node) => node.next === from);
    const number = at < 0 ? undefined : this.child(at, from.chosen.token_id);
    if (number !== undefined) this.nodes[number].next ??= found;
  }

  go(number) {
    this.at = number;
  }

  /** Where a line goes on from a node: its newest child. */
  ahead(at = this.at) {
    return this.nodes[at].children.at(-1) ?? null;
  }

  /** Runs of tokens without a fork behind a node: [{nodes, children}]. */
  runs(at = 0) {
    return this.nodes[at].children.map((first) => {
      const nodes = [first];
      let last = first;
      while (this.nodes[last].children.length === 1) {
        [last] = this.nodes[last].children;
        nodes.push(last);
      }
      return { nodes, children: this.runs(last) };
    });
  }

  /** How many lines end in it. */
  get leaves() {
    return this.nodes.filter((node, number) => number && !node.children.length).length;
  }

  /** As it is kept: only ids, the model says the rest again. */
  message(model, settings) {
    const tokens = this.nodes
      .slice(1)
      .map((node) => ({ parent: node.parent, token: node.token_id }));
    const own = { model, text: this.text, tokens, head: this.at, seed: this.seed, settings };
    return this.id ? { ...own, tree_id: this.id } : own;
  }

  /** Sum of what the tokens of the line to a node cost, in nats; those unknown left out. */
  nats(at = this.at) {
    return this.tokens(at).reduce((sum, node) => sum + (node.logprob ?? 0), 0);
  }
}
