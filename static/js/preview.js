// What a moved slider changes, at once and without the server: the candidates of the panel, the
// entropies of the cells and the shown column of the heat map. The server's own answer follows and
// decides what may be committed. However many times a slider moves within a frame, it is drawn
// once.
import { Digests } from "./digest.js";
import { $, $$, put, write } from "./dom.js";
import { placesAt } from "./state.js";
import { percent } from "./text.js";

export class Preview {
  /** `failed(error)` if a kept forward pass could not be read. */
  constructor(page, failed) {
    Object.assign(this, { page, failed, digests: new Digests(), wanted: null });
    this.panel = $("#inspector");
    this.rows = { of: null, list: [] };
  }

  forget() {
    this.digests.forget();
  }

  /** Noise changes the order of tokens, which the server draws: nothing is previewed then. */
  show(settings) {
    if (settings.gumbel_temperature > 0) return;
    const begun = this.wanted !== null;
    this.wanted = settings;
    if (!begun) this.draw();
  }

  async draw() {
    const { page } = this;
    const pick = $("#pick", this.panel);
    const shown = page.shown;
    try {
      const found = await Promise.all([this.digest(pick?.dataset.number), this.digest(shown)]);
      requestAnimationFrame(() => this.paint(pick, shown, ...found));
    } catch (error) {
      this.wanted = null;
      this.failed(error);
    }
  }

  digest(number) {
    const { address, state } = this.page;
    if (number === undefined) return null;
    return this.digests.get(`${address}step/${number}/digest/?branch=${state.path}`);
  }

  paint(pick, shown, ofPanel, ofPlaces) {
    const settings = this.wanted;
    this.wanted = null;
    this.paintPanel(pick, ofPanel, settings);
    this.paintPlaces(shown, ofPlaces, settings);
  }

  paintPanel(pick, digest, settings) {
    const row = digest?.rowOf.get(Number(pick?.dataset.position));
    if (row === undefined) return;
    const found = digest.candidates(row, settings);
    let widest = 0;
    for (const { prob } of found.values()) widest = Math.max(widest, prob);
    for (const one of this.rowsOf(pick)) drawRow(one, found, widest);
  }

  paintPlaces(number, digest, settings) {
    const { page } = this;
    if (!digest || number !== page.shown) return;
    const { entropy, best } = digest.overview(settings.softmax_temperature);
    page.heat.override(number, best);
    page.profile.preview(entropy, placesAt(page.state, number));
    page.drawSettings();
  }

  /** The candidates of the panel as it is now, found once: the server sends it anew as a whole. */
  rowsOf(pick) {
    if (this.rows.of !== pick) this.rows = { of: pick, list: $$(".candidate", pick).map(parts) };
    return this.rows.list;
  }
}

function parts(label) {
  const radio = $("input", label);
  const [chance, bar] = [$(".num", label), $("rect", label)];
  return { label, radio, token: Number(radio.value), chance, bar };
}

function drawRow({ label, radio, token, chance, bar }, found, widest) {
  const { prob, inside } = found.get(token) ?? {};
  if (prob === undefined) return;
  label.classList.toggle("excluded", !inside);
  write(chance, percent(prob));
  put(bar, "width", ((100 * prob) / widest).toFixed(1));
  if (radio.disabled === inside) radio.disabled = !inside;
}
