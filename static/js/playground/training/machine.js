// The time machine's sliders: one over the moments of the training, one over denoising steps.
import { $, data, put, write } from "../../dom.js";

const clamp = (value, most) => Math.min(Number(value), most);

/** Sliders over answers [{step, frames}] inside `root`; nothing where nothing was asked. */
export function openMachine(root) {
  if (!root) return;
  const answers = data("training-answers");
  const moment = $("[data-moment]", root);
  const frame = $("[data-frame]", root);

  function show() {
    const { step, frames } = answers[Number(moment.value)];
    const last = Math.max(0, frames.length - 1);
    if (frame) {
      put(frame, "max", last);
      write($("[data-frame-words]", root), `pass ${clamp(frame.value, last) + 1} of ${last + 1}`);
    }
    const at = frame ? clamp(frame.value, last) : last;
    write($("[data-answer]", root), frames[at] ?? "");
    write($("[data-moment-words]", root), `step ${step}`);
    for (const row of root.querySelectorAll("[data-answer-of]")) {
      row.classList.toggle("is-shown", row.dataset.answerOf === String(step));
    }
  }

  for (const slider of [moment, frame]) slider?.addEventListener("input", show);
  if (frame) {
    const last = answers[Number(moment.value)].frames.length - 1;
    put(frame, "max", last);
    frame.value = last;
  }
  root.addEventListener("click", ({ target }) => {
    const row = target.closest("[data-answer-of]");
    if (!row) return;
    moment.value = answers.findIndex(({ step }) => String(step) === row.dataset.answerOf);
    show();
  });
  show();
}
