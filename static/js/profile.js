// Best guesses and entropies of the open positions at a step: fetched only while they are shown.
export class Profile {
  constructor(address, ready) {
    Object.assign(this, { address, ready, key: "", known: null, loading: false });
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
      const response = await fetch(`${this.address}step/${number}/profile/?branch=${branch}`);
      this.known = response.ok ? read(await response.json()) : null;
    } catch {
      this.known = null;
    }
    this.loading = false;
    this.ready();
  }
}

function read({ positions, labels, entropy, margin }) {
  const by = (values) => new Map(positions.map((pos, i) => [pos, values[i]]));
  return { labels: by(labels), entropy: by(entropy), margin: by(margin), most: Math.max(0.5, ...entropy) };
}
