// The controls of the drawer: buttons, sliders, keys, and what each of them does.
import { ALL } from "./distribution.js";
import { followTraining } from "./training/drawer_model.js";

const WIDE = 100; // a top-k slider beyond this cuts nothing

/** How the next token is chosen, as the sliders say it. */
export function settingsOf(drawer) {
  const most = Number(drawer["top-k"].value);
  return {
    temperature: Number(drawer.temperature.value),
    topK: most > WIDE ? ALL : most,
    topP: Number(drawer["top-p"].value),
    sample: drawer.sample.checked,
  };
}

/** The same for the server, which takes no field for what cuts nothing. */
export function drawingOf({ temperature, topK, topP, sample }) {
  const cuts = { ...(topK && { top_k: topK }), ...(topP < 1 && { top_p: topP }) };
  return { temperature, sample, ...cuts };
}

/** The sliders' values in words beside them. */
export function writeSettings(drawer) {
  const { temperature, topK, topP } = drawer.settings;
  drawer["speed-text"].textContent = `${drawer.speed.value} ms`;
  drawer["temperature-text"].textContent = temperature.toFixed(1);
  drawer["top-k-text"].textContent = topK === ALL ? "all" : topK;
  drawer["top-p-text"].textContent = topP.toFixed(2);
}

export function bindControls(drawer, part) {
  const on = (one, name, act) => one.addEventListener(name, act);
  const sliders = [drawer.temperature, drawer["top-k"], drawer["top-p"]];
  for (const close of drawer.root.querySelectorAll("[data-close]"))
    on(close, "click", () => drawer.close());
  on(drawer.input, "input", () => drawer.restart());
  on(drawer.model, "change", () => drawer.changeModel(drawer.main));
  on(drawer.other, "change", () => drawer.changeModel(drawer.beside));
  for (const slider of [...sliders, drawer.speed]) on(slider, "input", () => drawer.settled());
  for (const one of sliders) on(one, "change", () => drawer.sample.checked && drawer.redraw());
  on(drawer.sample, "change", () => drawer.redraw());
  on(drawer.colour, "change", () => drawer.draw());
  on(drawer.play, "click", () => drawer.start());
  on(drawer.pause, "click", () => drawer.halt());
  on(drawer.step, "click", () => drawer.accept());
  on(drawer.regenerate, "click", () => drawer.restart());
  on(part("clear"), "click", () => drawer.clear());
  on(document, "keydown", (event) => pressed(drawer, event));
  followTraining(drawer);
  on(document, "visibilitychange", () => document.hidden && drawer.leave());
}

/** Keys of an open drawer; those typed into a field are the field's. */
function pressed(drawer, event) {
  if (!drawer.isOpen || event.ctrlKey || event.metaKey || event.altKey) return;
  const typing = event.target.matches("textarea, input, select, button, summary, a");
  const keys = {
    Escape: () => drawer.close(),
    ArrowDown: () => drawer.active.bars.move(1),
    ArrowUp: () => drawer.active.bars.move(-1),
    ArrowLeft: () => drawer.walk(-1),
    ArrowRight: () => drawer.walk(1),
    Enter: () => !typing && drawer.accept(drawer.active),
    " ": () => !typing && (drawer.playing ? drawer.halt() : drawer.start()),
  };
  const arrows = event.key.startsWith("Arrow") && event.target.matches("textarea, select, input");
  if (!keys[event.key] || arrows) return;
  if (keys[event.key]() !== false) event.preventDefault();
}
