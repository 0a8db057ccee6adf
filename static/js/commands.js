// Commands to the server, each with its own id. Nothing is kept back while there is no connection:
// what was clicked then is said to have failed, never sent later.
import { errorToast, toast } from "./toasts.js";

function newId() {
  const words = crypto.getRandomValues(new Uint32Array(4));
  return [...words].map((word) => word.toString(16).padStart(8, "0")).join("");
}

export class Commands {
  constructor(stream, changed) {
    this.stream = stream;
    this.changed = changed;
    this.pending = new Map();
  }

  /** Names of the buttons whose command has not been answered. */
  get busy() {
    return new Set([...this.pending.values()].map((entry) => entry.name));
  }

  /** Resolves with the reply, or null after an error (which has been shown) or a lost line. */
  send(message, { name = message.type, quiet = false } = {}) {
    const id = newId();
    if (!this.stream.send({ ...message, request_id: id })) {
      toast("error", "Not connected, so nothing was sent. The page reconnects by itself.");
      return Promise.resolve(null);
    }
    return new Promise((resolve) => {
      const retry = () => this.send(message, { name, quiet });
      this.pending.set(id, { name, resolve, quiet, retry });
      this.changed();
    });
  }

  answered(reply) {
    const entry = this.take(reply.request_id);
    entry?.resolve(reply);
  }

  failed(error) {
    const entry = this.take(error.request_id);
    if (!entry?.quiet) errorToast(error, entry?.retry);
    entry?.resolve(null);
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
