// What was set on a session's panels, kept in this browser: it survives reloads and changes of
// branch before any command has told the server.
import { $ } from "./dom.js";

const KEY = "unmask.panels";
const SESSIONS = 50;
const SWITCHES = ["guesses", "answers"];

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

/** Panels as they were left; an address that names a preset or a view stands above that. */
export function restorePanels(page) {
  const asked = new URLSearchParams(location.search);
  const { fields = {}, look = {} } = page.readOnly ? {} : page.memory.load();
  page.stale = !asked.has("preset") && page.settings.restore(fields);
  if (!asked.has("view") && look.view) page.mode = look.view;
  if (!asked.has("colour") && look.colour) page.colour = look.colour;
  for (const name of SWITCHES) if ($(`#${name}`)) $(`#${name}`).checked = look[name] ?? true;
  $("#view").value = page.mode;
  $("#colour").value = page.colour;
}

export function keepPanels(page) {
  if (page.readOnly) return;
  const look = { view: page.mode, colour: page.colour };
  for (const name of SWITCHES) look[name] = $(`#${name}`)?.checked;
  page.memory.save({ fields: page.settings.held(), look });
}
