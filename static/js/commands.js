// Commands to the server, each with its own id. Nothing is kept back while there is no connection:
// what was clicked then is said to have failed, never sent later.
import { errorToast, toast } from "./toasts.js";

function newId() {
  const words = crypto.getRandomValues(new Uint32Array(4));
  return [...words].map((word) => word.toString(16).padStart(8, "0")).join("");
}

export class Commands {
  constructor(stream, model, changed) {
    this.stream = stream;
    this.model = model;
    this.changed = changed;
    this.pending = new Map();
  }

  /** Names of the buttons whose command has not been answered. */
  get busy() {
    return new Set([...this.pending.values()].map((entry) => entry.name));
  }

  /** Resolves with the reply, or null after an error (which has been shown) or a lost line. */
  send(message, { name = message.type, quiet = false, second = false } = {}) {
    const id = newId();
    if (!this.stream.send({ ...message, request_id: id })) {
      toast("error", "Not connected, so nothing was sent. The page reconnects by itself.");
      return Promise.resolve(null);
    }
    return new Promise((resolve) => {
      const retry = () => this.send(message, { name, quiet, second: true });
      this.pending.set(id, { name, resolve, quiet, second, retry });
      this.changed();
    });
  }

  answered(reply) {
    const entry = this.take(reply.request_id);
    entry?.resolve(reply);
  }

  failed(error) {
    const entry = this.take(error.request_id);
    if (entry && !entry.second && error.error_type === "model_unavailable") {
      this.loadFirst(entry, error);
      return;
    }
    if (!entry?.quiet) errorToast(error, entry?.retry);
    entry?.resolve(null);
  }

  /** No worker holds the model: have it loaded, then do what was asked. */
  async loadFirst(entry, error) {
    toast("info", "The model is being loaded. This can take a while.");
    const loaded = await this.send(
      { type: "load_model", model_path: this.model },
      { name: entry.name, quiet: true, second: true },
    );
    if (!loaded?.success)
      errorToast({ ...error, message: loaded?.error ?? error.message }, entry.retry);
    entry.resolve(loaded?.success ? await entry.retry() : null);
  }

  take(id) {
    const entry = this.pending.get(id);
    this.pending.delete(id);
    if (entry) this.changed();
    return entry;
  }

  /** The line is gone: answers may come as events after the page has reconnected. */
  forget() {
    for (const entry of this.pending.values()) entry.resolve(null);
    this.pending.clear();
    this.changed();
  }
}
