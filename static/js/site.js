// What every page needs: toasts, theme switch, example prompts.
import { toast } from "./toasts.js";

function dismiss(event) {
  event.target.closest("[data-dismiss]")?.closest(".toast")?.remove();
}

async function switchTheme(event) {
  const form = event.target.closest("[data-theme-form]");
  if (!form) return;
  event.preventDefault();
  const button = form.querySelector("button");
  const wanted = button.value;
  document.documentElement.dataset.theme = wanted;
  button.value = wanted === "dark" ? "light" : "dark";
  const body = new FormData(form);
  body.set("theme", wanted);
  await fetch(form.action, { method: "POST", body }).catch(() => {});
}

function useExample(event) {
  const button = event.target.closest("[data-example]");
  const prompt = document.querySelector("#id_prompt");
  if (!button || !prompt) return;
  event.preventDefault();
  prompt.value = button.dataset.example;
  document.querySelector("#id_gen_length").value = button.dataset.length;
  document.querySelector("#id_block_length").value = button.dataset.block;
  const special = document.querySelector("#id_special_tokens");
  if (special) special.checked = Boolean(button.dataset.special);
  prompt.focus();
}

function navigate(event) {
  if (event.target.matches("[data-navigate]")) location.search = `?${event.target.name}=${encodeURIComponent(event.target.value)}`;
}

// Starting may have to wait for the model to be loaded: the button says that it is at work.
function markBusy(event) {
  if (event.target.matches("[data-slow]")) event.submitter?.classList.add("is-busy");
}

// What the server says of a failure is a toast of its own, to be swapped in out of band.
function failed(event) {
  const { xhr } = event.detail;
  if (xhr?.getResponseHeader("HX-Reswap") === "none") {
    window.htmx.swap(document.body, xhr.responseText, { swapStyle: "none" });
    return;
  }
  const status = xhr?.status;
  toast("error", status ? `The server answered ${status}. Try again.`
    : "The server could not be reached. Check your connection and try again.");
}

// A click outside closes an open menu; Escape is handled by the same rule of least surprise.
function closeMenus(event) {
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (!menu.contains(event.target) || event.key === "Escape") menu.open = false;
  }
}

document.addEventListener("click", dismiss);
document.addEventListener("click", useExample);
document.addEventListener("change", navigate);
document.addEventListener("click", closeMenus);
document.addEventListener("keydown", (event) => event.key === "Escape" && closeMenus(event));
document.addEventListener("submit", switchTheme);
document.addEventListener("submit", markBusy);
window.addEventListener("pageshow", () => {
  for (const button of document.querySelectorAll(".is-busy")) button.classList.remove("is-busy");
});
document.addEventListener("htmx:responseError", failed);
document.addEventListener("htmx:sendError", failed);
