// The run panel's numbers as the commands want them.
import { $$ } from "./dom.js";

const NUMBERS = [
  "softmax_temperature",
  "gumbel_temperature",
  "visual_top_k",
  "actual_top_k",
  "top_p",
];
const ANNOUNCED = ["recipe", "strategy", "softmax_temperature", "top_p"];

// A slider moves its number and the other way round; temperature has a logarithmic slider.
const SCALES = {
  softmax_temperature: [(place) => 10 ** place, Math.log10],
  top_p: [(place) => place, (shown) => shown],
};

/** The options of a run that its recipe reads; plain values are left out. */
export function runParameters(options, { temperature, eos_last, stop_at_end }) {
  const wanted = { temperature: temperature || 0, eos_last, stop_at_end };
  const read = Object.entries(wanted).filter(([name, held]) => held && options.includes(name));
  return Object.fromEntries(read);
}

/** A slider's place as the number that it stands for, within the number's ends. */
export function fromSlider(name, place, low, high) {
  return Math.max(low, Math.min(high, SCALES[name][0](place))).toFixed(2);
}

/** Field → value of a preset; what it does not hold is left out. */
export function presetFields(preset, knownRecipes) {
  const { recipe, strategy, tokens_per_step: pace, parameters = {}, settings = {} } = preset;
  return {
    ...settings,
    ...(knownRecipes.includes(recipe) && { recipe }),
    ...(strategy && { strategy }),
    ...(pace && { tokens_to_select: pace }),
    run_temperature: parameters.temperature ?? 0,
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

  runParameters() {
    return runParameters(this.options, {
      temperature: this.value("run_temperature"),
      eos_last: this.fields.eos_last.checked,
      stop_at_end: this.fields.stop_at_end.checked,
    });
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
    for (const flag of ["eos_last", "stop_at_end"]) {
      this.fields[flag].checked = Boolean(preset.parameters?.[flag]);
    }
    for (const name of ANNOUNCED) this.changed(name);
  }

  /** As if the user had set it: the sentence, the slider and whoever listens follow. */
  changed(name) {
    this.fields[name].dispatchEvent(new Event("input", { bubbles: true }));
  }

  /** What the chosen recipe does not read is greyed out. */
  drawOptions() {
    for (const field of $$("[data-option]", this.form)) {
      field.disabled = !this.options.includes(field.dataset.option);
    }
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

function drawSentence(select) {
  const help = document.getElementById(select.getAttribute("aria-describedby"));
  if (help) help.textContent = select.selectedOptions[0]?.dataset.sentence ?? "";
}
