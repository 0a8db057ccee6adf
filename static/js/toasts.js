// Short messages. Errors stay until they are dismissed; others go by themselves.
const SECONDS = 7;

function button(label, action) {
  const element = document.createElement("button");
  element.type = "button";
  element.className = "btn btn-small";
  element.textContent = label;
  element.addEventListener("click", action);
  return element;
}

/** kind: info | good | error. All text goes in as text. */
export function toast(kind, text, { note = "", action = null } = {}) {
  const box = document.createElement("div");
  box.className = `toast toast-${kind}`;
  const words = document.createElement("p");
  words.textContent = text;
  const close = button("×", () => box.remove());
  close.className = "btn btn-quiet btn-icon btn-small";
  close.setAttribute("aria-label", "Dismiss this message");
  box.append(words, close);
  if (action) {
    const row = document.createElement("div");
    row.className = "toast-actions";
    row.append(
      button(action.label, () => {
        box.remove();
        action.run();
      }),
    );
    box.append(row);
  }
  if (note) {
    const small = document.createElement("p");
    small.className = "toast-note";
    small.textContent = note;
    box.append(small);
  }
  const shelf = document.querySelector("#toasts");
  shelf.append(box);
  while (shelf.children.length > 4) shelf.firstElementChild.remove();
  if (kind !== "error") setTimeout(() => box.remove(), SECONDS * 1000);
  return box;
}

const RECOVERY = {
  model_loading:
    "The model is still loading. Wait for the model light to turn green, then try again.",
  model_unavailable: "No worker has this model. Try again in a moment.",
  network: "Part of the service did not answer. Try again.",
  timeout: "It took longer than allowed. Try again, perhaps with a shorter canvas.",
  conflict: "The session has moved on; the page now shows where it stands.",
  rate_limit: "Too many requests. Wait a moment.",
};

/** The one error shape as a toast with what to do next. */
export function errorToast(error, retry) {
  const advice = RECOVERY[error.error_type];
  const text =
    advice && !error.message.includes("Try again") ? `${error.message} ${advice}` : error.message;
  const note = error.correlation_id ? `Reference ${error.correlation_id}` : "";
  const action = error.retryable && retry ? { label: "Retry", run: retry } : null;
  return toast("error", text, { note, action });
}
