// What every page needs: toasts, theme switch, example prompts, menus.
import { bindCopyButtons } from "./clipboard.js";
import { $, $$ } from "./dom.js";
import { keepFocusOverSwaps } from "./focus.js";
import { post } from "./requests.js";
import { toast } from "./toasts.js";

function dismiss(event) {
  event.target.closest("[data-dismiss]")?.closest(".toast")?.remove();
}

async function switchTheme(event) {
  const form = event.target.closest("[data-theme-form]");
  if (!form) return;
  event.preventDefault();
  const button = $("button", form);
  const wanted = button.value;
  document.documentElement.dataset.theme = wanted;
  button.value = wanted === "dark" ? "light" : "dark";
  const body = new FormData(form);
  body.set("theme", wanted);
  try {
    await post(form.action, body);
  } catch (error) {
    toast("error", `The theme holds for this page only: ${error.message}.`);
  }
}

function useExample(event) {
  const button = event.target.closest("[data-example]");
  const prompt = $("#id_prompt");
  if (!button || !prompt) return;
  event.preventDefault();
  prompt.value = button.dataset.example;
  $("#id_gen_length").value = button.dataset.length;
  $("#id_block_length").value = button.dataset.block;
  const special = $("#id_special_tokens");
  if (special) special.checked = Boolean(button.dataset.special);
  prompt.focus();
}

function navigate({ target }) {
  if (!target.matches("[data-navigate]")) return;
  location.search = new URLSearchParams({ [target.name]: target.value });
}

// Starting may have to wait for the model to be loaded: the button says that it is at work.
function markBusy(event) {
  if (event.target.matches("[data-slow]")) event.submitter?.classList.add("is-busy");
}

function clearBusy() {
  for (const button of $$(".is-busy")) button.classList.remove("is-busy");
}

// What the server says of a failure is a toast of its own, to be swapped in out of band.
function failed({ detail: { xhr } }) {
  if (xhr?.getResponseHeader("HX-Reswap") === "none") {
    window.htmx.swap(document.body, xhr.responseText, { swapStyle: "none" });
    return;
  }
  const gone = "The server could not be reached. Check your connection and try again.";
  toast("error", xhr?.status ? `The server answered ${xhr.status}. Try again.` : gone);
}

/** Ctrl+Enter in a text box presses the button that it names. */
function submitByKey(event) {
  if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
  const wanted = event.target.dataset?.submit;
  const button = wanted && $(wanted);
  if (!button) return;
  event.preventDefault();
  button.form.requestSubmit(button);
}

/** Shows or hides what is typed into a password field. */
function reveal(event) {
  const button = event.target.closest("[data-reveal]");
  if (!button) return;
  const field = document.getElementById(button.dataset.reveal);
  const shown = field.type === "password";
  field.type = shown ? "text" : "password";
  button.textContent = shown ? "Hide" : "Show";
  button.setAttribute("aria-pressed", shown);
}

// A click outside closes an open menu; Escape is handled by the same rule of least surprise.
function closeMenus(event) {
  for (const menu of $$("details.menu[open]")) {
    if (!menu.contains(event.target) || event.key === "Escape") menu.open = false;
  }
}

/** The box that one writes in has the focus, and the page stays where it is. Not where the focus
 * would raise a keyboard over the picture. */
function focusFirst() {
  const box = $("[data-focus]");
  if (matchMedia("(hover: hover) and (pointer: fine)").matches) box?.focus({ preventScroll: true });
}

export function openSite() {
  focusFirst();
  for (const button of $$("[data-reveal]")) button.hidden = false;
  for (const act of [dismiss, useExample, reveal, closeMenus])
    document.addEventListener("click", act);
  for (const act of [switchTheme, markBusy]) document.addEventListener("submit", act);
  document.addEventListener("change", navigate);
  document.addEventListener("keydown", submitByKey);
  document.addEventListener("keydown", (event) => event.key === "Escape" && closeMenus(event));
  window.addEventListener("pageshow", clearBusy);
  bindCopyButtons();
  keepFocusOverSwaps();
  for (const name of ["htmx:responseError", "htmx:sendError"]) {
    document.addEventListener(name, failed);
  }
}
