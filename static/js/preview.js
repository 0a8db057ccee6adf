// What a moved slider changes, at once and without the server: the candidates of the panel, the
// entropies of the cells and the shown column of the heat map. The server's own answer follows and
// decides what may be committed. However many times a slider moves within a frame, it is drawn once.
import { put, write } from "./dom.js";
import { Digests } from "./digest.js";

const digests = new Digests();
const panel = document.querySelector("#inspector");
let rows = { of: null, list: [] };
let wanted = null;

export const forget = () => digests.forget();

function shownText(prob) {
  return prob >= 1e-4 ? `${(100 * prob).toFixed(2)}%` : "<0.01%";
}

/** The candidates of the panel as it is now, found once: the server sends it anew as a whole. */
function rowsOf(pick) {
  if (rows.of === pick) return rows.list;
  const list = [...pick.querySelectorAll(".candidate")].map((label) => {
    const radio = label.querySelector("input");
    return { label, radio, token: Number(radio.value), chance: label.querySelector(".num"), bar: label.querySelector("rect") };
  });
  rows = { of: pick, list };
  return list;
}

function drawRow({ label, radio, token, chance, bar }, found, widest, open) {
  const { prob, inside } = found.get(token) ?? {};
  if (prob === undefined) return;
  label.classList.toggle("excluded", !inside);
  write(chance, shownText(prob));
  put(bar, "width", ((100 * prob) / widest).toFixed(1));
  if (open && radio.disabled === inside) radio.disabled = !inside;
}

function drawPanel(pick, digest, settings) {
  const row = digest?.rowOf.get(Number(pick?.dataset.position));
  if (row === undefined) return;
  const found = digest.candidates(row, settings);
  let widest = 0;
  for (const { prob } of found.values()) widest = Math.max(widest, prob);
  for (const one of rowsOf(pick)) drawRow(one, found, widest, pick.dataset.masked === "1");
}

function drawPlaces(page, number, digest, settings) {
  if (!digest || number !== page.shown) return;
  const { entropy, best } = digest.overview(settings.softmax_temperature);
  if (page.profile.known) page.profile.known.entropy = entropy;
  page.heat.override(number, best);
  page.drawSettings();
}

async function draw(page) {
  const pick = panel.querySelector("#pick");
  const address = (number) => `${page.address}step/${number}/digest/?branch=${page.state.path}`;
  const shown = page.shown;
  const mine = pick?.dataset.number;
  const [ofPanel, ofPlaces] = await Promise.all([mine && digests.get(address(mine)), digests.get(address(shown))]);
  requestAnimationFrame(() => {
    const settings = wanted;
    wanted = null;
    drawPanel(pick, ofPanel, settings);
    drawPlaces(page, shown, ofPlaces, settings);
  });
}

/** Noise changes the order of tokens, which the server draws: nothing is previewed then. */
export function preview(page, settings) {
  if (settings.gumbel_temperature > 0) return;
  const begun = wanted !== null;
  wanted = settings;
  if (!begun) draw(page).catch(() => { wanted = null; });
}
