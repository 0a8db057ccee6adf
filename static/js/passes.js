// Numbers of the forward passes of the shown line at the settings of now. A pass was summed up
// under those of its time; once temperature or noise are others, the server works them out anew
// from what it has kept, some passes at a time.
import { getJson } from "./requests.js";

/** What of a session's settings decides over the numbers of a pass. */
export function deciding({ softmax_temperature: temperature = 1, ...noise } = {}) {
  const drawn = noise.apply_gumbel_noise ? (noise.gumbel_temperature ?? 0) : 0;
  return `${temperature}|${drawn}`;
}

export class Passes {
  /** `ready()` after something came; `failed(error)` if it could not be read. */
  constructor(address, { ready, failed }) {
    Object.assign(this, { address, ready, failed, key: "", mixed: false, known: new Map() });
  }

  /** `mixed`: whether some of the snapshot's passes were summed up under other settings. */
  begin(state, mixed) {
    this.settings = deciding(state.session.settings);
    this.mixed = mixed;
  }

  /** Have `known` (step → heat and entropy) tell of the shown line. */
  want({ path, session }) {
    const settings = deciding(session.settings);
    if (settings !== this.settings) this.mixed = true;
    const key = this.mixed ? `${path}|${settings}` : "";
    if (key === this.key) return;
    Object.assign(this, { key, settings, known: new Map() });
    if (key) this.load(key, path);
  }

  async load(key, path) {
    let after = -1;
    try {
      while (after !== null && key === this.key) {
        const told = await getJson(`${this.address}passes/?branch=${path}&after=${after}`);
        if (key === this.key) this.keep(told.passes);
        after = told.after;
      }
    } catch (error) {
      this.failed(error);
    }
  }

  keep(passes) {
    for (const [number, row] of Object.entries(passes)) this.known.set(Number(number), row);
    this.ready();
  }

  /** A pass was made or summed up now: its own numbers count. */
  passed(number) {
    this.known.delete(number);
  }

  heat(state, number) {
    return this.known.get(number)?.heat ?? state.heat.get(number);
  }

  /** Step → mean entropy of the masks. */
  entropy(state) {
    if (!this.known.size) return state.entropy;
    const rows = [...state.entropy].map(([number, mean]) => [number, this.meanAt(number, mean)]);
    return new Map(rows);
  }

  meanAt(number, mean) {
    return this.known.get(number)?.entropy ?? mean;
  }
}
