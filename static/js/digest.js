// A stored forward pass, read in the browser: candidates, confidence and entropy at any temperature
// without a round trip. The arrays are those of inference/engine/digest_forms.py, the interpolation
// that of digest_tail.py; a test holds the two sides together.
import { read, readPlain } from "./digest_bytes.js";
import { getBytes } from "./requests.js";

// The nodes of the curve reach from 2^-EDGE to 2^EDGE.
const EDGE = 3.5;
const [VALUE_STEP, SPREAD_STEP] = [1 / 4096, 1 / 32];
// Coefficients in t of value, slope and curvature at the left node, then at the right one.
const HERMITE = [
  [1, 0, 0, -10, 15, -6],
  [0, 1, 0, -6, 8, -3],
  [0, 0, 0.5, -1.5, 1.5, -0.5],
  [0, 0, 0, 10, -15, 6],
  [0, 0, 0, -4, 7, -3],
  [0, 0, 0, 0.5, -1, 0.5],
];

export class Digest {
  static async from(buffer) {
    return new Digest(await read(buffer));
  }

  /** At once, of bytes that are not coded. */
  static plain(buffer) {
    return new Digest(readPlain(buffer));
  }

  constructor(arrays) {
    Object.assign(this, arrays);
    this.rowOf = new Map([...this.positions].map((position, row) => [position, row]));
    this.basis = { beta: null };
  }

  /** How value and slope at beta are made of value, slope and curvature at the nodes around it. */
  basisAt(beta) {
    if (this.basis.beta === beta) return this.basis;
    const step = ((2 * EDGE) / (this.nodes - 1)) * Math.LN2;
    const place = (Math.log(beta) + EDGE * Math.LN2) / step;
    const left = Math.min(Math.max(Math.floor(place), 0), this.nodes - 2);
    const t = place - left;
    const value = HERMITE.map((row) => row.reduceRight((sum, one) => sum * t + one, 0));
    const slope = HERMITE.map((row) =>
      row.reduceRight((sum, one, power) => (power ? sum * t + power * one : sum), 0),
    );
    this.basis = { beta, left, step, value, slope: slope.map((one) => one / step) };
    return this.basis;
  }

  /** Value and slope in log beta of the curve of a row. */
  curve(row, beta) {
    const { left, step, value, slope } = this.basisAt(beta);
    const found = [0, 0];
    for (const side of [0, 1]) {
      const at = (left + side) * this.count + row;
      const rise = this.slope[at] * VALUE_STEP;
      const bend = rise + (this.spread[at] * SPREAD_STEP) ** 2;
      [this.value[at] * VALUE_STEP, rise * step, bend * step * step].forEach((told, kind) => {
        found[0] += told * value[3 * side + kind];
        found[1] += told * slope[3 * side + kind];
      });
    }
    return found;
  }

  /** [log of the softmax's denominator less the best logit, entropy in nats]. */
  partition(row, temperature) {
    const beta = 1 / temperature;
    const excluded = this.excluded.subarray(row * this.never, (row + 1) * this.never);
    // an excluded token may be likelier than all others
    const shift = excluded.reduce((most, below) => Math.max(most, -beta * below), 0);
    let [norm, mean] = [0, 0];
    const add = (term, slope) => {
      const weight = Math.exp(term - shift);
      norm += weight;
      if (weight) mean += weight * slope;
    };
    for (let i = row * this.kept; i < (row + 1) * this.kept; i += 1) {
      add(-beta * this.below[i], -beta * this.below[i]);
    }
    for (const below of excluded) add(-beta * below, -beta * below);
    if (this.nodes) {
      const [value, slope] = this.curve(row, beta);
      add(value - beta * this.far[row], slope - beta * this.far[row]);
    }
    const total = Math.log(norm) + shift;
    return [total, total - mean / norm];
  }

  /** The places of a row's tokens in `ids` and `below`, best first; of equals the lowest id. */
  order(row) {
    const places = Array.from({ length: this.kept }, (_, i) => row * this.kept + i);
    return places.sort((a, b) => this.below[a] - this.below[b]);
  }

  /** Probabilities of the kept tokens of a row, best first. */
  probabilities(row, temperature) {
    const [total] = this.partition(row, temperature);
    return this.order(row).map((place) => Math.exp(-this.below[place] / temperature - total));
  }

  /** Log-probability of a token of a row at temperature 1; null for one that is not known. */
  logprob(row, token) {
    const place = this.ids.indexOf(token, row * this.kept);
    const known = place >= 0 && place < (row + 1) * this.kept;
    return known ? -this.below[place] - this.partition(row, 1)[0] : null;
  }

  /** Token id → {prob, inside} of a row under the settings; the first token is always inside. */
  candidates(row, { softmax_temperature: temperature, actual_top_k: most, top_p: nucleus }) {
    let before = 0;
    const [total] = this.partition(row, temperature);
    const found = new Map();
    this.order(row).forEach((place, rank) => {
      const prob = Math.exp(-this.below[place] / temperature - total);
      const inside = rank === 0 || (before < nucleus && rank < most);
      found.set(this.ids[place], { prob, inside });
      before += prob;
    });
    return found;
  }

  /** Position → entropy, and position → best probability as a byte. */
  overview(temperature) {
    const entropy = new Map();
    const best = new Map();
    this.positions.forEach((position, row) => {
      const [total, nats] = this.partition(row, temperature);
      entropy.set(position, nats);
      best.set(position, Math.round(255 * Math.exp(-total)));
    });
    return { entropy, best };
  }
}

/** Digests by address, fetched once; what could not be read is asked for again. */
export class Digests {
  constructor() {
    this.known = new Map();
  }

  forget() {
    this.known.clear();
  }

  async get(address) {
    if (!this.known.has(address)) this.known.set(address, this.load(address));
    try {
      return await this.known.get(address);
    } catch (error) {
      this.known.delete(address);
      throw error;
    }
  }

  async load(address) {
    const buffer = await getBytes(address);
    return buffer && Digest.from(buffer);
  }
}
