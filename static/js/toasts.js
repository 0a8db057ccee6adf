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

/** Kind of error → what to do next, where its own words may not say it. */
const RECOVERY = {
  model_loading:
    "The model is still loading. Wait for the model light to turn green, then try again.",
  model_unavailable: "No worker has this model. Try again in a moment.",
  network: "Part of the service did not answer. Try again.",
  timeout: "It took longer than allowed. Try again, perhaps with a shorter canvas.",
};

/** Refusals say themselves what to do: the same command would only be refused again, and nobody
 * has to report them. */
const REFUSALS = new Set(["validation", "auth", "conflict", "not_found", "rate_limit"]);

/** The one error shape as {text, note, again}: `again`, if the same command may go better. */
export function errorWords({ message, error_type: type, retryable, correlation_id: reference }) {
  const advice = message.includes("Try again") ? "" : (RECOVERY[type] ?? "");
  const text = advice ? `${message} ${advice}` : message;
  if (REFUSALS.has(type)) return { text, note: "", again: false };
  return { text, note: reference ? `Reference ${reference}` : "", again: Boolean(retryable) };
}

/** An error as a toast with what to do next. */
export function errorToast(error, retry) {
  const { text, note, again } = errorWords(error);
  const action = again && retry ? { label: "Retry", run: retry } : null;
  return toast("error", text, { note, action });
}
