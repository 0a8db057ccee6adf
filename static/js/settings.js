// The run panel's numbers as the commands want them.
import { $, $$ } from "./dom.js";

const NUMBERS = [
  "softmax_temperature",
  "gumbel_temperature",
  "visual_top_k",
  "actual_top_k",
  "top_p",
];
const ANNOUNCED = ["recipe", "strategy", "softmax_temperature", "top_p"];

/** What belongs to the page or to one moment, not to the settings. */
const UNKEPT = new Set([
  "csrfmiddlewaretoken",
  "branch",
  "step",
  "preset",
  "preset_name",
  "seed",
  "times",
]);

// A slider moves its number and the other way round; temperature has a logarithmic slider.
const SCALES = {
  softmax_temperature: [(place) => 10 ** place, Math.log10],
  top_p: [(place) => place, (shown) => shown],
};

/** The parameters that a recipe reads, as they are set; what says nothing is left out. */
export function runParameters(options, values) {
  const isSet = (held) => held !== "" && held !== null && !Number.isNaN(held);
  const read = ([name, held]) => options.includes(name) && isSet(held);
  return Object.fromEntries(Object.entries(values).filter(read));
}

/** What an empty number means: the recipe's own default, else the plain one. */
export function placeholder(name, plain, own) {
  return own[name] ?? (plain || "none");
}

/** What a field says: a number (NaN if it is empty), true if it is ticked, false if it is switched
 * off, or a name; null for the usual. */
function held(field) {
  if (field.type === "checkbox") return field.checked || null;
  if ("switch" in field.dataset) return field.value === "off" ? false : null;
  return field.type === "number" ? field.valueAsNumber : field.value;
}

/** A slider's place as the number that it stands for, within the number's ends. */
export function fromSlider(name, place, low, high) {
  return Math.max(low, Math.min(high, SCALES[name][0](place))).toFixed(2);
}

/** Field → value of a preset; what it does not hold is left out. */
export function presetFields(preset, knownRecipes) {
  const { recipe, strategy, tokens_per_step: pace, settings = {} } = preset;
  return {
    ...settings,
    ...(knownRecipes.includes(recipe) && { recipe }),
    ...(strategy && { strategy }),
    ...(pace && { tokens_to_select: pace }),
  };
}

export class Settings {
  constructor(form) {
    this.form = form;
    this.fields = form.elements;
  }

  value(name) {
    return this.fields[name].valueAsNumber;
  }

  /** False (and the browser points at the field) if a number is outside its range. */
  valid() {
    return this.form.reportValidity();
  }

  probability() {
    const found = Object.fromEntries(NUMBERS.map((name) => [name, this.value(name)]));
    return { ...found, apply_gumbel_noise: found.gumbel_temperature > 0 };
  }

  /** What "Run again" adds to a run. */
  again() {
    return { seed: this.value("seed"), times: this.value("times") };
  }

  get tokensPerStep() {
    return this.value("tokens_to_select");
  }

  get strategy() {
    return this.fields.strategy.value;
  }

  set strategy(name) {
    this.fields.strategy.value = name;
    this.changed("strategy");
  }

  strategyLabel(name) {
    return [...this.fields.strategy.options].find((one) => one.value === name)?.text ?? name;
  }

  get recipe() {
    return this.fields.recipe.value;
  }

  get keepSettled() {
    return this.fields.keep_settled.checked;
  }

  /** Names of the options that the chosen recipe reads. */
  get options() {
    return (this.fields.recipe.selectedOptions[0]?.dataset.options ?? "").split(" ");
  }

  get parameterFields() {
    return $$("[data-parameter]", this.form);
  }

  runParameters() {
    const values = this.parameterFields.map((field) => [field.dataset.parameter, held(field)]);
    return runParameters(this.options, Object.fromEntries(values));
  }

  /** Tokens a step, for recipes that do not set their own pace. */
  pace() {
    return this.options.includes("tokens_per_step") ? { tokens_per_step: this.tokensPerStep } : {};
  }

  /** Everything of the panel, as a preset holds it. */
  all() {
    return {
      recipe: this.recipe,
      strategy: this.strategy,
      tokens_per_step: this.tokensPerStep,
      parameters: this.runParameters(),
      settings: this.probability(),
    };
  }

  /** Fill the panel from a preset; what it does not hold stays as it is. */
  fill(preset) {
    const recipes = [...this.fields.recipe.options].map((option) => option.value);
    for (const [name, held] of Object.entries(presetFields(preset, recipes))) {
      if (this.fields[name]) this.fields[name].value = held;
    }
    for (const field of this.parameterFields) {
      const value = preset.parameters?.[field.dataset.parameter];
      if (field.type === "checkbox") field.checked = Boolean(value);
      else if ("switch" in field.dataset) field.value = value === false ? "off" : "";
      else field.value = value ?? "";
    }
    for (const name of ANNOUNCED) this.changed(name);
  }

  /** Name → value of every field that a person sets. */
  held() {
    const own = [...this.fields].filter((field) => field.name && !UNKEPT.has(field.name));
    const rows = own.map((field) => [field.name, isSwitch(field) ? field.checked : field.value]);
    return Object.fromEntries(rows);
  }

  /** Put back what was held; true if a number of the distribution is another one now. */
  restore(held) {
    const before = JSON.stringify(this.probability());
    for (const [name, value] of Object.entries(held)) {
      const field = this.fields[name];
      if (field?.tagName) setField(field, value);
    }
    return JSON.stringify(this.probability()) !== before;
  }

  /** As if the user had set it: the sentence, the slider and whoever listens follow. */
  changed(name) {
    this.fields[name].dispatchEvent(new Event("input", { bubbles: true }));
  }

  /** What the chosen recipe does not read is not shown; empty fields show its defaults. */
  drawOptions() {
    const own = JSON.parse(this.fields.recipe.selectedOptions[0]?.dataset.defaults ?? "{}");
    for (const group of $$("[data-option]", this.form)) {
      group.hidden = group.disabled = !this.options.includes(group.dataset.option);
    }
    for (const field of this.parameterFields) {
      const { parameter, default: plain } = field.dataset;
      if (field.type === "number") field.placeholder = placeholder(parameter, plain, own);
    }
    const more = $("#recipe-more");
    if (more) more.hash = this.recipe.replace("/", "-");
    const help = $("#pace-help");
    if (help) help.hidden = this.options.includes("tokens_per_step");
  }

  pair(target) {
    const slides = target.dataset.slides ?? target.name;
    const slider = this.form.querySelector(`[data-slides="${slides}"]`);
    if (!slider) return;
    const number = this.fields[slides];
    if (target !== slider) slider.value = SCALES[slides][1](number.valueAsNumber);
    else number.value = fromSlider(slides, slider.valueAsNumber, number.min, number.max);
  }

  /** Calls `now` with every change of a probability setting, `then` a moment after the last. */
  onProbabilityChange(now, then) {
    let timer = null;
    this.drawOptions();
    for (const slider of $$("[data-slides]", this.form)) {
      this.pair(this.fields[slider.dataset.slides]);
    }
    this.form.addEventListener("input", ({ target }) => {
      this.follow(target);
      const name = target.dataset.slides ?? target.name;
      if (!NUMBERS.includes(name) || !this.form.checkValidity()) return;
      now();
      clearTimeout(timer);
      timer = setTimeout(then, 250);
    });
  }

  follow(target) {
    if (target.tagName === "SELECT") drawSentence(target);
    if (target.name === "recipe") this.drawOptions();
    this.pair(target);
  }
}

const isSwitch = (field) => field.type === "checkbox";

/** A value that the field cannot take any more leaves it as it is. */
function setField(field, value) {
  const before = field.value;
  if (isSwitch(field)) field.checked = Boolean(value);
  else field.value = value;
  if (field.tagName !== "SELECT") return;
  if (field.selectedIndex < 0) field.value = before;
  drawSentence(field);
}

function drawSentence(select) {
  const help = document.getElementById(select.getAttribute("aria-describedby"));
  if (help) help.textContent = select.selectedOptions[0]?.dataset.sentence ?? "";
}
