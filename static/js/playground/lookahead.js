// Distributions of a tree's tokens, computed ahead: while a line is played the next ones are there
// before they are wanted.
import { chained } from "./distribution.js";

const BATCH = 16; // tokens of one question while playing
const LOW = 12; // with fewer in hand the next question goes out

export class Lookahead {
  /** `question()`: what is asked besides the tokens; `send(question, warm)`: the server's reply. */
  constructor(question, send) {
    Object.assign(this, { question, send, warm: false, busy: null });
  }

  /** The distribution behind the tree's present node, asked for if it is not known. */
  async next(tree, ahead = 1) {
    const { node } = tree;
    if (node.next) return node.next;
    if (this.busy?.tree === tree) await this.busy.promise.catch(() => {}); // it may be on its way
    node.next ??= await this.fetch(tree.text, tree.ids(), ahead);
    return node.next;
  }

  async fetch(text, ids, ahead) {
    const question = { ...this.question(), context: text, token_ids: ids, ahead };
    const reply = await this.send(question, this.warm);
    this.warm = true;
    return chained(reply);
  }

  /** While there are few in hand, ask for more behind the last of them. Failures are told to
   * whoever needs what is missing then. */
  prefetch(tree) {
    if (this.busy?.tree === tree || !tree.node.next) return;
    const ids = tree.ids();
    let last = tree.node.next;
    let count = 0;
    while (last.follow) {
      ids.push(last.chosen.token_id);
      last = last.follow;
      count += 1;
    }
    if (count >= LOW || last.isEnd) return;
    ids.push(last.chosen.token_id);
    const promise = this.fetch(tree.text, ids, BATCH).then((found) => {
      last.follow = found;
      tree.attach(last, found);
    });
    const busy = { tree, promise };
    this.busy = busy;
    promise
      .catch(() => {})
      .finally(() => {
        if (this.busy === busy) this.busy = null;
      });
  }

  /** Other settings: what was drawn ahead under the former ones does not count. */
  forget(tree) {
    for (const node of tree.nodes) if (node.next) node.next.follow = null;
    tree.node.next = null;
  }
}
