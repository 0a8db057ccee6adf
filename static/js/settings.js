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

export const keepSettled = () => form.elements.keep_settled.checked;

/** The options of a run that its recipe reads; plain values are left out. */
export function runParameters() {
  const { run_temperature: heat, eos_last: last, stop_at_end: stop } = form.elements;
  const wanted = { temperature: heat.valueAsNumber || 0, eos_last: last.checked, stop_at_end: stop.checked };
  return Object.fromEntries(Object.entries(wanted).filter(([name, value]) => value && options().includes(name)));
}

const options = () => (form.elements.recipe.selectedOptions[0]?.dataset.options ?? "").split(" ");

/** Tokens a step, for recipes that do not set their own pace. */
export const pace = () => (options().includes("tokens_per_step") ? { tokens_per_step: tokensPerStep() } : {});

/** What the chosen recipe does not read is greyed out. */
function drawOptions() {
  for (const field of form.querySelectorAll("[data-option]")) {
    field.disabled = !options().includes(field.dataset.option);
  }
}

/** Everything of the panel, as a preset holds it. */
export const all = () => ({ recipe: recipe(), strategy: strategy(), tokens_per_step: tokensPerStep(),
  parameters: runParameters(), settings: probabilitySettings() });

/** Fill the panel from a preset; what it does not hold stays as it is. */
export function fill({ recipe: name, strategy: order, tokens_per_step: pace, parameters = {}, settings = {} }) {
  const known = [...form.elements.recipe.options].some((option) => option.value === name);
  const values = { ...settings, ...(known && { recipe: name }), ...(order && { strategy: order }),
    ...(pace && { tokens_to_select: pace }), run_temperature: parameters.temperature ?? 0 };
  for (const [field, held] of Object.entries(values)) if (form.elements[field]) form.elements[field].value = held;
  for (const flag of ["eos_last", "stop_at_end"]) form.elements[flag].checked = Boolean(parameters[flag]);
  for (const field of ["recipe", "strategy", "softmax_temperature", "top_p"]) {
    form.elements[field].dispatchEvent(new Event("input", { bubbles: true }));
  }
}

function sentence(select) {
  const help = document.getElementById(select.getAttribute("aria-describedby"));
  if (help) help.textContent = select.selectedOptions[0]?.dataset.sentence ?? "";
}

// A slider moves its number and the other way round; temperature has a logarithmic slider.
const SCALES = {
  softmax_temperature: [(place) => 10 ** place, Math.log10],
  top_p: [(place) => place, (shown) => shown],
};

function pair(target) {
  const slider = form.querySelector(`[data-slides="${target.dataset.slides ?? target.name}"]`);
  if (!slider) return;
  const [read, write] = SCALES[slider.dataset.slides];
  const number = form.elements[slider.dataset.slides];
  if (target === slider) number.value = Math.max(number.min, Math.min(number.max, read(slider.valueAsNumber))).toFixed(2);
  else slider.value = write(number.valueAsNumber);
}

/** Calls `now` with every change of a probability setting, `then` a moment after the last one. */
export function onProbabilityChange(now, then) {
  let timer = null;
  drawOptions();
  form.querySelectorAll("[data-slides]").forEach((slider) => pair(form.elements[slider.dataset.slides]));
  form.addEventListener("input", ({ target }) => {
    if (target.tagName === "SELECT") sentence(target);
    if (target.name === "recipe") drawOptions();
    pair(target);
    if (!NUMBERS.includes(target.dataset.slides ?? target.name) || !form.checkValidity()) return;
    now();
    clearTimeout(timer);
    timer = setTimeout(then, 250);
  });
}
