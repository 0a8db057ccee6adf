// Forms and clicks of the workspace: each works by itself without JavaScript; with it, the same
// intent goes through the socket.
import { branchDo } from "./branches.js";
import { presetDo } from "./presets.js";

const $ = (selector) => document.querySelector(selector);

function submitted(page, event) {
  const { target: form, submitter } = event;
  const routes = [
    [submitter?.dataset.preset, () => presetDo(page, submitter.dataset.preset)],
    [submitter?.dataset.action, () => page.act(submitter.dataset.action)],
    [form.id === "settings", () => page.act("forward_pass")],
    [form.id === "pick", () => picked(page, submitter)],
    [form.dataset.unstage, () => page.unstage(form.dataset.unstage)],
    ["clear" in form.dataset, () => page.clearStaged()],
    [form.id === "branch-form", () => page.branch()],
    [form.id === "look-form", () => {}],
    [form.dataset.branchDo, () => branchDo(page, form)],
  ];
  const route = routes.find(([matches]) => matches);
  if (!route) return;
  event.preventDefault();
  route[1]();
}

function picked(page, submitter) {
  const what = submitter?.dataset.do ?? "stage";
  if (what !== "stage") return page.onPosition(what === "remask" ? "remask" : "lock");
  const radio = page.inspector.chosen;
  if (!radio) return page.inspector.focus();
  return page.stage(page.pos, Number(radio.value));
}

function clicked(page, event) {
  const plain = event.target.closest("button[type=button][data-action]");
  if (plain) page.act(plain.dataset.action);
  if (event.target.closest("[data-cancel-load]")) page.cancelLoad();
  const cell = event.target.closest("#tokens [data-pos]");
  const row = event.target.closest("#token-table a");
  const more = event.target.closest("[data-more]");
  if (event.ctrlKey || event.metaKey || !(cell || row || more)) return;
  event.preventDefault();
  if (cell) page.choose(Number(cell.dataset.pos), { focus: true });
  if (row) page.choose(Number(row.textContent));
  if (more) page.inspector.more(more.href);
}

export function bindForms(page) {
  document.addEventListener("submit", (event) => submitted(page, event));
  document.addEventListener("click", (event) => clicked(page, event));
  document.addEventListener("dblclick", (event) => {
    if (event.target.closest("#inspector .candidate:not(.excluded)")) picked(page, null);
  });
  // Enter in a number must not press the form's first button, which is Run.
  $("#settings").addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.ctrlKey && event.target.matches("input")) event.preventDefault();
  });
  for (const id of ["#view", "#colour"]) {
    $(id).addEventListener("change", () => page.look($("#view").value, $("#colour").value));
  }
  $("#ghosts").addEventListener("change", () => page.later());
  $("#help-button").addEventListener("click", () => page.help());
  $("#viewing-back").addEventListener("click", () => page.back());
  for (const id of ["#steps-details", "#order-details"]) $(id).addEventListener("toggle", () => page.later());
}
