// A shared session: nothing is sent but the wish to follow it; whatever would change it says why not.
import { announce } from "./status.js";
import { toast } from "./toasts.js";

const reason = JSON.parse(document.querySelector("#reasons").textContent).read_only;

/** Stands where an owner's page has Commands. */
export class NoCommands {
  busy = new Set();

  send(message, { quiet = false } = {}) {
    if (!quiet) {
      announce(reason);
      toast("info", reason);
    }
    return Promise.resolve(null);
  }

  answered() {}

  failed() {}

  forget() {}
}
