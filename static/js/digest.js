// A stored forward pass, read in the browser: candidates, confidence and entropy at any temperature
// without a round trip. The format is that of inference/engine/digest_view.py; a test holds the two
// together.
import { getBytes } from "./requests.js";

const BETA_MIN = 0.1;
const STEP = Math.log(2) / 2;
const HEADER = 20;
// The exponential of anything below this is nought.
const SMALLEST = -746;

function half(bits) {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

let table = null;

/** Numbers of sixteen bits; each of their values is worked out once. */
function halves(bits) {
  table ??= Float64Array.from({ length: 65536 }, (_, value) => half(value));
  const out = new Float64Array(bits.length);
  for (let i = 0; i < bits.length; i += 1) out[i] = table[bits[i]];
  return out;
}

/** Whole numbers whose bytes lie in planes, the lowest first. */
function joined(planes, width, size) {
  const out = new Uint32Array(size);
  for (let byte = 0; byte < width; byte += 1) {
    for (let i = 0; i < size; i += 1) out[i] += planes[byte * size + i] * 256 ** byte;
  }
  return out;
}

/** Value and slope in log beta of a row's tail, by cubic Hermite interpolation. */
function hermite(values, slopes, start, points, beta) {
  const place = Math.min(points - 1, Math.max(0, Math.log(beta / BETA_MIN) / STEP));
  const left = start + Math.min(Math.floor(place), points - 2);
  const t = place - (left - start);
  const [d0, d1] = [slopes[left] * STEP, slopes[left + 1] * STEP];
  const rise = values[left + 1] - values[left];
  const [curve, twist] = [3 * rise - 2 * d0 - d1, d0 + d1 - 2 * rise];
  const value = values[left] + t * (d0 + t * (curve + t * twist));
  const slope = (d0 + t * (2 * curve + 3 * t * twist)) / STEP;
  return [Number.isNaN(value) ? -Infinity : value, Number.isFinite(slope) ? slope : 0];
}

export class Digest {
  constructor(buffer) {
    const head = new DataView(buffer);
    if (head.getUint32(0) !== 0x554d4447 || head.getUint8(4) !== 1) throw new Error("not a digest");
    const width = head.getUint8(5);
    Object.assign(this, {
      kept: head.getUint16(6, true),
      count: head.getUint32(8, true),
      points: head.getUint16(16, true),
    });
    let offset = HEADER;
    const take = (kind, length) => {
      const bytes = buffer.slice(offset, offset + length * kind.BYTES_PER_ELEMENT);
      offset += bytes.byteLength;
      return new kind(bytes);
    };
    this.positions = take(Uint32Array, this.count);
    this.top = take(Float32Array, this.count);
    take(Float32Array, this.count);
    this.tailTop = take(Float32Array, this.count);
    this.tail = take(Float32Array, this.count * this.points);
    this.slope = take(Float32Array, this.count * this.points);
    const size = this.count * this.kept;
    this.below = halves(take(Uint16Array, size));
    this.ids = joined(take(Uint8Array, width * size), width, size);
    this.rowOf = new Map([...this.positions].map((position, row) => [position, row]));
  }

  /** [log of the softmax's denominator less the best logit, entropy in nats]. */
  partition(row, temperature) {
    const beta = 1 / temperature;
    const [tail, slope] = hermite(this.tail, this.slope, row * this.points, this.points, beta);
    const offset = beta * (this.tailTop[row] - this.top[row]);
    const rest = Number.isFinite(tail + offset) ? Math.exp(tail + offset) : 0;
    let norm = rest;
    let mean = rest ? rest * (slope + offset) : 0;
    for (let i = row * this.kept; i < (row + 1) * this.kept; i += 1) {
      const term = -beta * this.below[i];
      if (term < SMALLEST) break; // best first: what follows is nought too
      const weight = Math.exp(term);
      norm += weight;
      mean += weight * term;
    }
    return [Math.log(norm), Math.log(norm) - mean / norm];
  }

  /** Probabilities of the kept tokens of a row, best first. */
  probabilities(row, temperature) {
    const [total] = this.partition(row, temperature);
    const from = row * this.kept;
    return this.below
      .slice(from, from + this.kept)
      .map((below) => Math.exp(-below / temperature - total));
  }

  /** Token id → {prob, inside} of a row under the settings; the first token is always inside. */
  candidates(row, { softmax_temperature: temperature, actual_top_k: most, top_p: nucleus }) {
    let before = 0;
    const found = new Map();
    this.probabilities(row, temperature).forEach((prob, rank) => {
      const inside = rank === 0 || (before < nucleus && rank < most);
      found.set(this.ids[row * this.kept + rank], { prob, inside });
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
      best.set(
        position,
        Math.round(255 * Math.exp(-this.below[row * this.kept] / temperature - total)),
      );
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
    return buffer && new Digest(buffer);
  }
}
