// The connection's light and, while there is none, what that means for the user.
const pill = document.querySelector("#connection");
const banner = document.querySelector("#banner");

const next = ({ tries, wait }) => `try ${tries}, ${Math.ceil(wait / 1000)} s`;

const SHOWN = {
  connecting: ["busy", () => "Connecting", ""],
  live: ["good", () => "Live", ""],
  waiting: ["warn", (detail) => `Reconnecting (${next(detail)})`,
    "The connection is gone. Everything stays readable; a run goes on at the server."],
  offline: ["warn", () => "Offline", "You are offline. Everything stays readable; a run goes on at the server."],
  crowded: ["warn", (detail) => `Too many tabs (${next(detail)})`,
    "Too many pages are open at once. Close one of them: this one connects when there is a place."],
  "signed-out": ["bad", () => "Signed out", "You have been signed out."],
  refused: ["bad", () => "Refused", "The server refuses this page's connection."],
  gone: ["bad", () => "Gone", "This session is no longer there."],
};
const RETRY = new Set(["waiting", "offline", "crowded"]);

function action(label, run) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "btn btn-small";
  button.textContent = label;
  button.addEventListener("click", run);
  return button;
}

export function showConnection(name, detail, retry) {
  const [light, words, meaning] = SHOWN[name];
  pill.hidden = false;
  pill.dataset.state = light;
  pill.textContent = words(detail ?? {});
  pill.dataset.connection = name;
  banner.replaceChildren();
  if (!meaning || (name === "waiting" && detail.tries < 2)) return;
  banner.append(`${meaning} `);
  if (name === "refused" && detail?.reason) banner.append(`It says: ${detail.reason}.`);
  if (RETRY.has(name)) banner.append(action("Retry now", retry));
  if (name === "signed-out") banner.append(action("Sign in", () => {
    location.href = `/accounts/sign-in?next=${encodeURIComponent(location.pathname + location.search)}`;
  }));
}
