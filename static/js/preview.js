// What a moved slider changes, at once and without the server: the candidates of the panel, the
// entropies of the cells and the shown column of the heat map. The server's own answer follows and
// decides what may be committed.
import { Digests } from "./digest.js";

const digests = new Digests();
const panel = document.querySelector("#inspector");

export const forget = () => digests.forget();

function shownText(prob) {
  return prob >= 1e-4 ? `${(100 * prob).toFixed(2)}%` : "<0.01%";
}

function drawRow(label, found, widest) {
  const radio = label.querySelector("input");
  const { prob, inside } = found.get(Number(radio.value)) ?? {};
  if (prob === undefined) return;
  label.classList.toggle("excluded", !inside);
  label.querySelector(".num").textContent = shownText(prob);
  label.querySelector("rect").setAttribute("width", ((100 * prob) / widest).toFixed(1));
  if (panel.querySelector("#pick").dataset.masked === "1") radio.disabled = !inside;
}

async function drawPanel(page, settings) {
  const { number, position } = panel.querySelector("#pick")?.dataset ?? {};
  if (number === undefined) return;
  const digest = await digests.get(`${page.address}step/${number}/digest/?branch=${page.state.path}`);
  const row = digest?.rowOf.get(Number(position));
  if (row === undefined) return;
  const found = digest.candidates(row, settings);
  const widest = Math.max(...[...found.values()].map((one) => one.prob));
  for (const label of panel.querySelectorAll(".candidate")) drawRow(label, found, widest);
}

async function drawCells(page, settings) {
  const digest = await digests.get(`${page.address}step/${page.shown}/digest/?branch=${page.state.path}`);
  if (!digest) return;
  const { entropy, best } = digest.overview(settings.softmax_temperature);
  if (page.profile.known) page.profile.known.entropy = entropy;
  page.heat.override(page.shown, best);
  page.later();
}

/** Noise changes the order of tokens, which the server draws: nothing is previewed then. */
export async function preview(page, settings) {
  if (settings.gumbel_temperature > 0) return;
  await Promise.all([drawPanel(page, settings), drawCells(page, settings)]);
}
