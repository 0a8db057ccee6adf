// Forms and clicks of the workspace: each works by itself without JavaScript; with it, the same
// intent goes through the socket.
import { changeBranch } from "./branches.js";
import { $ } from "./dom.js";

/** What a submitted form asks for; null leaves it to the browser. */
function intentOf(page, { target: form, submitter }) {
  const { steering } = page;
  const routes = [
    [submitter?.dataset.preset, () => page.presets.do(submitter.dataset.preset)],
    [submitter?.dataset.action, () => steering.act(submitter.dataset.action)],
    [form.id === "settings", () => steering.act("forward_pass")],
    [form.id === "pick", () => picked(page, submitter)],
    ["typed" in form.dataset, () => steering.stageTyped(form.elements.text.value)],
    [form.dataset.unstage, () => steering.unstage(form.dataset.unstage)],
    ["clear" in form.dataset, () => steering.clearStaged()],
    [form.id === "note-form", () => page.chrome.notes.save(noteOf(form, submitter))],
    [form.id === "branch-form", () => steering.branch()],
    [form.id === "look-form", () => {}],
    [form.dataset.branchDo, () => changeBranch(page, form)],
  ];
  return routes.find(([matches]) => matches)?.[1] ?? null;
}

/** The text of the form; the button that takes a note away sends none. */
const noteOf = (form, submitter) => (submitter?.value === "remove" ? "" : form.elements.text.value);

function submitted(page, event) {
  const intent = intentOf(page, event);
  if (!intent) return;
  event.preventDefault();
  intent();
}

/** Button of the position panel → what it does. */
const PICKED = {
  stage: (page, { token }) => page.steering.stage(page.pos, token),
  choose: (page, chosen) => page.steering.chooseInstead(chosen),
  insert: (page) => page.steering.insertAfter(),
  delete: (page) => page.steering.onPosition("delete"),
  remask: (page) => page.steering.onPosition("remask"),
  lock: (page) => page.steering.onPosition("lock"),
  unlock: (page) => page.steering.onPosition("lock"),
};

function picked(page, submitter) {
  const masked = page.inspector.isMasked;
  const what = submitter?.dataset.do ?? (masked ? "stage" : "choose");
  const radio = page.inspector.chosen;
  const needsOne = what === "stage" || what === "choose";
  if (needsOne && !radio) return page.inspector.focus();
  return PICKED[what](page, { ...page.inspector.source, token: Number(radio?.value) });
}

/** A click on a folded tail that is chosen already opens it. */
function chosenBy(page, cell) {
  const pos = Number(cell.dataset.pos);
  return cell.classList.contains("fold") && pos === page.pos ? pos + 1 : pos;
}

function clicked(page, event) {
  const plain = event.target.closest("button[type=button][data-action]");
  if (plain) page.steering.act(plain.dataset.action);
  if (event.target.closest("[data-cancel-load]")) page.steering.cancelLoad();
  const cell = event.target.closest("#tokens [data-pos]");
  const row = event.target.closest("#token-table a");
  const more = event.target.closest("[data-more]");
  if (event.ctrlKey || event.metaKey || !(cell || row || more)) return;
  event.preventDefault();
  if (cell) page.choose(chosenBy(page, cell), { focus: true });
  if (cell) page.sheet.open(cell);
  if (row) page.choose(Number(row.textContent));
  if (more) page.inspector.more(more.href);
}

/** Enter in a number must not press the form's first button, which is Run. */
function keepEnter(event) {
  if (event.key !== "Enter" || event.ctrlKey) return;
  if (event.target.matches("input")) event.preventDefault();
}

export function bindForms(page) {
  document.addEventListener("submit", (event) => submitted(page, event));
  document.addEventListener("click", (event) => clicked(page, event));
  document.addEventListener("dblclick", (event) => {
    if (event.target.closest("#inspector .candidate:not(.excluded)")) picked(page, null);
  });
  $("#settings").addEventListener("keydown", keepEnter);
  for (const id of ["#view", "#colour"]) {
    $(id).addEventListener("change", () => page.look($("#view").value, $("#colour").value));
  }
  for (const box of [$("#guesses"), $("#answers")]) {
    box?.addEventListener("change", () => page.look(page.mode, page.colour));
  }
  $("#settings").addEventListener("input", () => page.keep());
  // A number out of its range says so where it was typed, not at the next button.
  $("#settings").addEventListener("change", ({ target }) => target.reportValidity());
  $("#help-button").addEventListener("click", () => page.steering.help());
  $("#viewing-back").addEventListener("click", () => page.steering.back());
  for (const id of ["#steps-details", "#order-details"]) {
    $(id).addEventListener("toggle", () => page.later());
  }
}
