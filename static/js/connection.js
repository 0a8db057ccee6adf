// The connection's light and, while there is none, what that means for the user.
import { at } from "./addresses.js";
import { $, element } from "./dom.js";

const next = ({ tries, wait }) => `try ${tries}, ${Math.ceil(wait / 1000)} s`;
const GOES_ON = "Everything stays readable; a run goes on at the server.";
const CROWDED =
  "Too many pages are open at once. Close one of them: this one connects when there is";

/** State → [light, words on it, what it means]. */
const SHOWN = {
  connecting: ["busy", () => "Connecting", ""],
  live: ["good", () => "Live", ""],
  waiting: [
    "warn",
    (detail) => `Reconnecting (${next(detail)})`,
    `The connection is gone. ${GOES_ON}`,
  ],
  offline: ["warn", () => "Offline", `You are offline. ${GOES_ON}`],
  crowded: ["warn", (detail) => `Too many tabs (${next(detail)})`, `${CROWDED} a place.`],
  "signed-out": ["bad", () => "Signed out", "You have been signed out."],
  refused: ["bad", () => "Refused", "The server refuses this page's connection."],
  gone: ["bad", () => "Gone", "This session is no longer there."],
};
const RETRY = new Set(["waiting", "offline", "crowded"]);

/** What a state of the connection looks like: {light, words, meaning, retry}. The first try to
 * come back is too short to be explained. */
export function connectionWords(name, detail = {}) {
  const [light, words, meaning] = SHOWN[name];
  const brief = name === "waiting" && detail.tries < 2;
  return { light, words: words(detail), meaning: brief ? "" : meaning, retry: RETRY.has(name) };
}

function button(label, run) {
  const made = element("button", label, "btn btn-small");
  made.type = "button";
  made.addEventListener("click", run);
  return made;
}

function signIn() {
  const here = encodeURIComponent(location.pathname + location.search);
  location.href = `${at("/accounts/sign-in")}?next=${here}`;
}

export class Connection {
  /** `retry()` reconnects without waiting. */
  constructor(retry) {
    this.retry = retry;
    this.pill = $("#connection");
    this.banner = $("#banner");
  }

  show(name, detail) {
    const { light, words, meaning, retry } = connectionWords(name, detail);
    this.pill.hidden = false;
    this.pill.dataset.state = light;
    this.pill.textContent = words;
    this.pill.dataset.connection = name;
    this.banner.replaceChildren();
    if (!meaning) return;
    this.banner.append(`${meaning} `);
    if (name === "refused" && detail?.reason) this.banner.append(`It says: ${detail.reason}.`);
    if (retry) this.banner.append(button("Retry now", this.retry));
    if (name === "signed-out") this.banner.append(button("Sign in", signIn));
  }
}
