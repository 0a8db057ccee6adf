// What was set on a session's panels, kept in this browser: it survives reloads and changes of
// branch before any command has told the server.

const KEY = "unmask.panels";
const SESSIONS = 50;

export class PanelMemory {
  /** `storage`: localStorage or what behaves like it; null where the browser has none for us. */
  constructor(storage, session) {
    Object.assign(this, { storage, session });
  }

  all() {
    try {
      return JSON.parse(this.storage?.getItem(KEY) ?? "{}");
    } catch {
      return {}; // not ours, or from another time: as if nothing had been kept
    }
  }

  load() {
    return this.all()[this.session]?.values ?? {};
  }

  /** The sessions that were set last are kept. */
  save(values) {
    const rows = { ...this.all(), [this.session]: { at: Date.now(), values } };
    const newest = Object.entries(rows).sort(([, a], [, b]) => b.at - a.at);
    this.storage?.setItem(KEY, JSON.stringify(Object.fromEntries(newest.slice(0, SESSIONS))));
  }
}

/** localStorage, or null where the browser forbids it. */
export function ownStorage() {
  try {
    return window.localStorage;
  } catch {
    return null;
  }
}
