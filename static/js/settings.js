// The run panel's numbers as the commands want them.
const form = document.querySelector("#settings");
const NUMBERS = ["softmax_temperature", "gumbel_temperature", "visual_top_k", "actual_top_k", "top_p"];

const value = (name) => form.elements[name].valueAsNumber;

/** False (and the browser points at the field) if a number is outside its range. */
export const valid = () => form.reportValidity();

export function probabilitySettings() {
  const found = Object.fromEntries(NUMBERS.map((name) => [name, value(name)]));
  return { ...found, apply_gumbel_noise: found.gumbel_temperature > 0 };
}

export const tokensPerStep = () => value("tokens_to_select");
export const strategy = () => form.elements.strategy.value;
export const recipe = () => form.elements.recipe.value;

function sentence(select) {
  const help = document.getElementById(select.getAttribute("aria-describedby"));
  help.textContent = select.selectedOptions[0]?.dataset.sentence ?? "";
}

/** Calls back, a moment after a probability setting was changed. */
export function onProbabilityChange(callback) {
  let timer = null;
  form.addEventListener("input", (event) => {
    if (event.target.tagName === "SELECT") sentence(event.target);
    if (!NUMBERS.includes(event.target.name)) return;
    clearTimeout(timer);
    timer = setTimeout(() => form.checkValidity() && callback(), 250);
  });
}
