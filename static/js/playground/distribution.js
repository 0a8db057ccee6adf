// The distribution of a next token, as the server computed it: its rows at any temperature, top-k
// and top-p without another question, by the digest that came with it.
import { Digest } from "../digest.js";

const BITS = Math.log(2);
/** The digest holds from here on; what is colder is taken to be its limit. */
const COLDEST = 0.1;
export const ALL = 0; // top_k that cuts nothing

const bytes = (base64) => Uint8Array.from(atob(base64), (sign) => sign.charCodeAt(0)).buffer;

/** Chances of probabilities, best first, that top-k and top-p leave, in the order of the engine:
 * first the k best, then the nucleus of what they hold. {chances, cut}: `cut` is the share of the
 * whole that was cut away. `probs` are the best of a whole that sums to 1. */
export function left(probs, topK, topP) {
  const kept = topK === ALL ? probs : probs.slice(0, topK);
  const base = topK === ALL ? 1 : kept.reduce((sum, prob) => sum + prob, 0);
  let before = 0;
  let mass = 0;
  const inside = kept.map((prob, rank) => {
    const is = rank === 0 || before < topP * base;
    before += prob;
    mass += is ? prob : 0;
    return is;
  });
  // A nucleus that goes on behind the known ones holds about what was asked for.
  if (topP >= 1) mass = base;
  else if (topK === ALL && before < topP) mass = topP;
  const chances = probs.map((prob, rank) => (inside[rank] ? prob / mass : 0));
  return { chances, cut: Math.max(0, 1 - mass) };
}

export class Distribution {
  /** `told`: an entry of the server's reply; `whole`: the reply, which says how much is seen. */
  constructor(told, whole) {
    this.top = told.probabilities;
    this.chosen = { token: told.next_token, token_id: told.next_token_id };
    this.isEnd = told.is_end;
    this.entropy = told.entropy;
    this.size = whole.context_size;
    this.training = whole.training ?? null; // {state, step} of a model that is trained here
    this.seen = told.context_chars ?? null; // characters; null: all of them
    this.follow = null; // the distribution after the chosen token, if it was computed ahead
    this.packed = told.digest;
  }

  get digest() {
    if (this.packed) this.read = Digest.plain(bytes(this.packed));
    this.packed = "";
    return this.read;
  }

  /** Probabilities at a temperature over the whole vocabulary, best first. */
  probabilities(temperature) {
    const all = [...this.digest.probabilities(0, Math.max(temperature, COLDEST))];
    return temperature > 0 ? all : all.map((_, rank) => Number(rank === 0));
  }

  /** The shown rows with their chances under the settings, and what is not among them:
   * {rows: [{token, token_id, prob}], cut, rest}. */
  under({ temperature, topK, topP }) {
    const { chances, cut } = left(this.probabilities(temperature), topK, topP);
    const rows = this.top.map((row, rank) => ({ ...row, prob: chances[rank] }));
    const shown = rows.reduce((sum, row) => sum + row.prob, 0);
    return { rows, cut, rest: Math.max(0, 1 - shown) };
  }

  /** Log-probability of a token at temperature 1, in nats; null for one that is not known. */
  logprob(id) {
    return this.digest.logprob(0, id);
  }
}

/** A reply as the first of its distributions, each followed by the next. */
export function chained(reply) {
  const all = [reply, ...reply.ahead].map((told) => new Distribution(told, reply));
  all.forEach((one, place) => {
    one.follow = all[place + 1] ?? null;
  });
  return all[0];
}

/** Nats as bits of surprise. */
export const bits = (logprob) => (logprob === null ? null : Math.max(0, -logprob / BITS));

/** 0 to 9, the depth of a colour, of bits or nats against what counts as much. */
export const level = (value, much) =>
  value === null ? null : Math.min(9, Math.floor((10 * value) / much));
