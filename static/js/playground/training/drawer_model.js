// The training that the page shows is the drawer's model: offered, chosen, and its end is told.
const GOING = new Set(["queued", "running"]);
export const ENDED = "⚠️ Training session ended";

/** The option of the page's model, made anew where the drawer was fetched before there was one. */
function optionOf(select, { model, words, context }) {
  let option = [...select.options].find((one) => one.value === model);
  if (!option) {
    option = new Option(words, model);
    select.add(option);
    select.disabled = false;
  }
  Object.assign(option.dataset, { words, context });
  return option;
}

/** `page`: the element of a training's page, if this is one. */
export function followTraining(drawer, page = document.querySelector("#training[data-causal]")) {
  if (!page) return;
  let going = GOING.has(page.dataset.state);
  let chosen = false;

  function changed() {
    const { model, state } = page.dataset;
    if (model) {
      const option = optionOf(drawer.model, page.dataset);
      if (!chosen) drawer.model.value = option.value;
      chosen = true;
    }
    const goes = GOING.has(state);
    const ended = going && !goes && drawer.model.value === model;
    going = goes;
    if (ended) drawer.halt();
    drawer.draw();
    if (ended) drawer.say(ENDED);
  }

  document.addEventListener("training:state", changed);
  if (page.dataset.model) {
    drawer.model.value = optionOf(drawer.model, page.dataset).value;
    chosen = true;
  }
}
