// Where one writes: keys, the rule for a second message, and every form of the page as a request
// whose page stays.
import { $ } from "../dom.js";
import { errorToast, toast } from "../toasts.js";

async function carryOut(form, submitter) {
  const answer = await fetch(form.action, {
    method: "POST",
    body: new FormData(form, submitter),
    headers: { Accept: "application/json" },
  });
  const reply = await answer.json();
  if (!answer.ok) throw reply;
  return reply;
}

export class Composer {
  /** `line` has `isWriting` and `refresh()`; `sending()` is called before a message goes out. */
  constructor(line, sending) {
    Object.assign(this, { line, sending, busy: new Set() });
    this.form = $("#composer");
    this.input = $("#id_message");
    document.addEventListener("submit", (event) => this.submit(event));
    document.addEventListener("keydown", (event) => this.key(event));
  }

  /** What may be done now. */
  draw() {
    if (!this.form) return;
    $("#busy-rule").hidden = !this.line.isWriting;
    $("#send").setAttribute("aria-disabled", String(this.line.isWriting));
  }

  async submit(event) {
    const form = event.target.closest("form[data-do]");
    if (!form) return;
    event.preventDefault();
    if (this.busy.has(form)) return; // a double press is one
    this.busy.add(form);
    try {
      if (form === this.form) this.sending();
      await carryOut(form, event.submitter);
      if (form === this.form) {
        this.input.value = "";
        this.input.focus();
      }
      await this.line.refresh();
    } catch (error) {
      this.failed(error);
    } finally {
      this.busy.delete(form);
    }
  }

  failed(error) {
    if (error.error_type) errorToast(error);
    else toast("error", "The server could not be reached; nothing was sent. Try again.");
  }

  key(event) {
    const { key, shiftKey, isComposing, target } = event;
    if (target === this.input && key === "Enter" && !shiftKey && !isComposing) {
      event.preventDefault();
      if (this.input.value.trim()) this.form.requestSubmit($("#send"));
    } else if (key === "Escape" && this.line.isWriting) {
      $("[data-stop]", this.line.box)?.click();
    }
  }
}
