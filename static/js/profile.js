// Best guesses, entropies and margins of the open positions at a step: fetched only while they are
// shown.
import { getJson } from "./requests.js";

export class Profile {
  /** `ready()` after something came; `failed(error)` if it could not be read. */
  constructor(address, { ready, failed }) {
    Object.assign(this, { address, ready, failed, key: "", known: null, loading: false });
  }

  forget() {
    this.key = "";
  }

  /** Ask for the profile of a step, if it is wanted and a pass was made there. */
  want(wanted, branch, number, hasPass) {
    const key = wanted && hasPass ? `${branch}:${number}` : "none";
    if (key === this.key || this.loading) return;
    this.key = key;
    if (key === "none") this.known = null;
    else this.load(branch, number);
  }

  async load(branch, number) {
    this.loading = true;
    try {
      this.known = read(await getJson(`${this.address}step/${number}/profile/?branch=${branch}`));
    } catch (error) {
      this.known = null;
      this.failed(error);
    }
    this.loading = false;
    this.ready();
  }
}

/** The server's columns as maps by position; `most`: the entropy that is drawn darkest. */
export function read({ positions, labels, entropy, margin }) {
  const by = (values) => new Map(positions.map((pos, i) => [pos, values[i]]));
  const most = Math.max(0.5, ...entropy);
  return { labels: by(labels), entropy: by(entropy), margin: by(margin), most };
}
