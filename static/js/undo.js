// Undo and redo of staging: former selections are put back as they were; applying forgets them.
const DEEP = 50;

const picks = (staged) =>
  Object.fromEntries(Object.entries(staged.selections).map(([pos, pick]) => [pos, pick.token]));
const same = (a, b) => JSON.stringify(picks(a)) === JSON.stringify(picks(b));

export class StagingHistory {
  constructor(staged) {
    Object.assign(this, { now: staged, past: [], future: [], under: 0 });
  }

  /** A `staged` event came in. */
  changed(staged) {
    if (this.under > 0) {
      this.under -= 1; // what an undo asked for, which may not be the last one by now
      return;
    }
    if (same(staged, this.now)) return;
    this.past = [...this.past, this.now].slice(-DEEP);
    this.future = [];
    this.now = staged;
  }

  /** What was staged belongs to a step now, or to another one. */
  forget() {
    Object.assign(this, { now: { selections: {} }, past: [], future: [], under: 0 });
  }

  /** The selections to stage instead of the present ones; null if there are none. */
  back() {
    return this.go(this.past, this.future);
  }

  forth() {
    return this.go(this.future, this.past);
  }

  go(from, to) {
    if (!from.length) return null;
    to.push(this.now);
    this.now = from.pop();
    this.under += 1;
    return picks(this.now);
  }

  /** An undo was refused: what is staged is what the page holds. */
  refused(staged) {
    this.forget();
    this.now = staged;
  }
}
