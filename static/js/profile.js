// Best guesses, entropies and margins of the open positions by the pass that the shown step goes
// by: fetched only while they are shown, during a run as often as the eye follows.
import { getJson } from "./requests.js";
import { isRunning, placesAt } from "./state.js";

/** Milliseconds between two requests, while a run goes on and while one scrubs. */
const PACE = 100;
const KEPT = 64;

/** The step whose forward pass tells of the open positions after step `number`: its own, or else
 * the one by which it was made; null without either. */
export function passFor(state, number) {
  return [number, number - 1].find((at) => state.heat.has(at)) ?? null;
}

/** The server's columns as maps by slot; `most`: the entropy that is drawn darkest. */
export function bySlots({ positions, labels, entropy, margin }, places) {
  const slots = new Map([...places].map(([slot, position]) => [position, slot]));
  const by = (values) => new Map(positions.map((position, i) => [slots.get(position), values[i]]));
  const most = Math.max(0.5, ...entropy);
  return { labels: by(labels), entropy: by(entropy), margin: by(margin), most };
}

export class Profile {
  /** `ready()` after something came; `failed(error)` if it could not be read. */
  constructor(address, { ready, failed }) {
    Object.assign(this, { address, ready, failed, key: "none", known: null, kept: new Map() });
    Object.assign(this, { loading: false, last: -PACE });
  }

  /** Numbers under other settings: everything is asked for anew. */
  forget() {
    this.kept.clear();
    this.key = "";
  }

  /** Entropies by position under settings that the server has not been told yet. */
  preview(entropy, places) {
    if (!this.known) return;
    const rows = [...places].map(([slot, position]) => [slot, entropy.get(position)]);
    this.known = { ...this.known, entropy: new Map(rows.filter(([, nats]) => nats !== undefined)) };
  }

  /** A pass was made, perhaps again. */
  passed(branch, number) {
    const key = `${branch}:${number}`;
    this.kept.delete(key);
    if (this.key === key) this.key = "";
  }

  /** Have `known` tell of the step that is shown, as soon as it can. */
  want(wanted, state, shown) {
    const number = wanted ? passFor(state, shown) : null;
    const key = number === null ? "none" : `${state.path}:${number}`;
    if (key === this.key) return;
    const held = this.kept.get(key) ?? null;
    // What a run's former pass expected stands until the next answer: the run does not wait.
    if (held || !isRunning(state) || this.known?.path !== state.path) this.known = held;
    if (held || number === null) this.key = key;
    else this.soon(key, state, number);
  }

  soon(key, state, number) {
    if (this.loading) return;
    const wait = this.last + PACE - performance.now();
    if (wait > 0) this.later(wait);
    else this.load(key, state, number);
  }

  later(wait) {
    clearTimeout(this.timer);
    this.timer = setTimeout(this.ready, wait);
  }

  async load(key, state, number) {
    Object.assign(this, { key, loading: true, last: performance.now() });
    const { path } = state;
    try {
      const told = await getJson(`${this.address}step/${number}/profile/?branch=${path}`);
      if (path === state.path) this.keep(key, { path, ...bySlots(told, placesAt(state, number)) });
    } catch (error) {
      this.failed(error);
    }
    this.loading = false;
    this.ready();
  }

  keep(key, told) {
    this.known = told;
    this.kept.set(key, told);
    if (this.kept.size > KEPT) this.kept.delete(this.kept.keys().next().value);
  }
}
