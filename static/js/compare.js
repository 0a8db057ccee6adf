// What each strategy would take from the same forward pass, side by side; nothing is computed anew.
import { glyphs } from "./cells.js";
import * as settings from "./settings.js";

const dialog = document.querySelector("#compare");
const body = document.querySelector("#compare-body");
const options = document.querySelector("#id_strategy").options;

function element(tag, text, className = "") {
  const made = document.createElement(tag);
  made.textContent = text;
  made.className = className;
  return made;
}

function pick({ position, token, prob }) {
  const item = element("li", "", "pick");
  item.append(element("span", position, "muted num"), element("span", glyphs(token), "token"),
    element("span", `${(100 * prob).toFixed(1)} %`, "num"));
  return item;
}

function card(page, name, picks) {
  const box = element("section", "", "strategy");
  const option = [...options].find((one) => one.value === name);
  const list = document.createElement("ul");
  list.append(...picks.map(pick));
  const use = element("button", "Stage these", "btn btn-small");
  use.type = "button";
  use.setAttribute("aria-label", `Stage these: ${option?.text ?? name}`);
  use.addEventListener("click", () => {
    document.querySelector("#id_strategy").value = name;
    dialog.close();
    page.act("auto_select");
  });
  box.append(element("h3", option?.text ?? name), list, use);
  return box;
}

/** Ask for the strategies' choices at the shown step and show them. */
export async function compare(page) {
  if (!settings.valid() || !(await page.here())) return;
  const reply = await page.commands.send({ type: "compare", tokens_to_select: settings.tokensPerStep() });
  if (!reply) return;
  body.replaceChildren(...Object.entries(reply.strategies).map(([name, picks]) => card(page, name, picks)));
  dialog.showModal();
}
