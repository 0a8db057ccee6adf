// The turns of a conversation on the page. The server draws them; what has changed is fetched and
// put in place of what it replaces, so that everything else (where one reads, an open form) stays.
import { $, $$, element } from "../dom.js";
import { focusIn, refocus } from "../focus.js";

const fresher = (old, turn) => (old?.dataset.key === turn.dataset.key ? old : turn);

/** Puts `wanted` into a parent in this order; what is there already and in order is not moved. */
export function reconcile(parent, wanted) {
  const kept = new Set(wanted);
  for (const child of [...parent.children]) if (!kept.has(child)) child.remove();
  let at = parent.firstElementChild;
  for (const node of wanted) {
    if (node === at) at = at.nextElementSibling;
    else parent.insertBefore(node, at);
  }
}

/**
 * Brings a drawn line (`.line`) in order with a fresh one. Older turns that were loaded before stay
 * above it if the fresh one begins within them. A turn whose key is the same stays as it is.
 */
export function merge(line, fresh) {
  const old = new Map($$(".turn", line).map((turn) => [turn.dataset.message, turn]));
  const first = $(".turn", fresh)?.dataset.message;
  const shown = [...line.children];
  const at = first ? shown.indexOf(old.get(first)) : -1;
  const above = at > 0 ? shown.slice(0, at).filter((one) => one.matches(".turn, .older")) : [];
  const below = [...fresh.children].map((one) =>
    one.matches(".turn") ? fresher(old.get(one.dataset.message), one) : one,
  );
  const keep = above.some((one) => one.matches(".turn"));
  const wanted = keep ? [...above, ...below.filter((one) => !one.matches(".older"))] : below;
  for (const [name, value] of Object.entries(fresh.dataset)) line.dataset[name] = value;
  reconcile(line, wanted);
  for (const turn of $$(".turn", line)) turn.dataset.last = "no";
  const last = $$(".turn", line).at(-1);
  if (last) last.dataset.last = "yes";
  markWindow(line);
}

/** The mark above the first turn that the model still read stands there once, or nowhere. */
function markWindow(line) {
  const marks = $$("[data-mark]", line);
  const turn = $(`#turn-${line.dataset.window || "none"}`, line);
  for (const extra of turn ? marks.slice(0, -1) : marks) extra.remove();
  if (turn && marks.length && turn.previousElementSibling !== marks.at(-1))
    turn.before(marks.at(-1));
}

export class Line {
  /** `box` scrolls; `base` is the address before `line/`; `adopt()` is called after new HTML. */
  constructor(box, base, adopt, fail) {
    Object.assign(this, { box, base, adopt, fail, refreshing: null, again: false });
    this.watchOlder = new IntersectionObserver((seen) => this.seen(seen), {
      root: box,
      rootMargin: "300px 0px 0px 0px",
    });
    this.observe();
  }

  get list() {
    return $(".line", this.box);
  }

  get turns() {
    return $$(".turn", this.box);
  }

  get head() {
    return Number(this.list.dataset.head);
  }

  turn(id) {
    return $(`#turn-${id}`, this.box);
  }

  /** An answer is in the making on the shown line. */
  get isWriting() {
    return Boolean($("[data-live]", this.box));
  }

  async part(path, kind = "text/html") {
    const answer = await fetch(this.base + path, { headers: { Accept: kind } });
    if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
    return answer;
  }

  async html(path) {
    const holder = element("template");
    holder.innerHTML = await (await this.part(path)).text();
    return holder.content;
  }

  /** One refresh at a time; what came meanwhile is seen by another one after it. */
  refresh() {
    this.again = true;
    this.refreshing ??= this.follow()
      .catch((error) => this.fail(error))
      .finally(() => {
        this.refreshing = null;
      });
    return this.refreshing;
  }

  async follow() {
    while (this.again) {
      this.again = false;
      const fresh = $(".line", await this.html("line/"));
      const turn = document.activeElement?.closest?.(".turn");
      const place = this.turns.indexOf(turn);
      const was = focusIn(turn);
      merge(this.list, document.importNode(fresh, true));
      this.refocus(turn, place, was);
      this.observe();
      this.adopt();
    }
  }

  /** Who was in a turn is in what came in its place: its newer state, or another version. */
  refocus(turn, place, was) {
    if (turn?.isConnected || place < 0) return;
    const next = this.turn(turn.dataset.message) ?? this.turns[place] ?? this.turns.at(-1);
    refocus(next, was ?? { control: turn });
  }

  observe() {
    this.watchOlder.disconnect();
    const link = $(".older", this.box);
    if (link) this.watchOlder.observe(link);
  }

  seen(entries) {
    if (entries.some((entry) => entry.isIntersecting)) this.older().catch(() => {});
  }

  /** Turns above those that are shown; what one reads stays where it is. */
  async older() {
    const link = $(".older", this.box);
    if (!link || this.loading) return;
    this.loading = true;
    try {
      const fresh = $(".line", await this.html(`line/?before=${link.dataset.older}`));
      if (!link.isConnected) return;
      const read = this.reading();
      const top = read?.getBoundingClientRect().top;
      const kept = [...fresh.children].filter((one) => one.matches(".turn, .older, [data-mark]"));
      for (const turn of kept) if (turn.matches(".turn")) turn.dataset.last = "no";
      link.replaceWith(...kept);
      markWindow(this.list);
      if (read) this.stay(read, top);
      this.adopt();
    } finally {
      this.loading = false;
      this.observe();
    }
  }

  /** The topmost turn in sight. */
  reading() {
    const { top } = this.box.getBoundingClientRect();
    const turns = [...this.box.querySelectorAll(".turn")];
    return turns.find((one) => one.getBoundingClientRect().bottom > top);
  }

  /** Turns out of sight have a guessed height until they come near: put back until they have. */
  stay(turn, top, frames = 10) {
    this.box.scrollTop += turn.getBoundingClientRect().top - top;
    const at = this.box.scrollTop;
    if (!frames) return;
    requestAnimationFrame(() => {
      if (turn.isConnected && this.box.scrollTop === at) this.stay(turn, top, frames - 1);
    });
  }
}
