// A shared session: nothing is sent but the wish to follow it; whatever would change it says why.

/** Stands where an owner's page has Commands. */
export class NoCommands {
  busy = new Set();

  /** `refuse` is called instead of sending. */
  constructor(refuse) {
    this.refuse = refuse;
  }

  send(_message, { quiet = false } = {}) {
    if (!quiet) this.refuse();
    return Promise.resolve(null);
  }

  answered() {}

  failed() {}

  forget() {}
}
