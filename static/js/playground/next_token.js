// Questions of the drawer to the server: which token comes next, how probable is a text, histories.
import { at } from "../addresses.js";

const TIMEOUT = 5000;
const FIRST_TIMEOUT = 60000;
const WORDS = {
  "Session not found": "⚠️ Train a model first",
  "Model not initialized": "⚠️ Model initializing, try again",
};
const UNREACHABLE = "The server could not be reached.";

const csrf = () => JSON.parse(document.body.getAttribute("hx-headers"))["x-csrftoken"];

/** The answer of a door; rejects with what the server says. `warm`: a model has answered before. */
export async function ask(address, { method = "POST", body = null, warm = false } = {}) {
  const answer = await fetch(address, {
    method,
    body: typeof body === "string" ? body : body && JSON.stringify(body),
    headers: {
      Accept: "application/json",
      "Content-Type": "application/json",
      "X-CSRFToken": csrf(),
    },
    signal: AbortSignal.timeout(warm ? TIMEOUT : FIRST_TIMEOUT),
  });
  if (answer.status === 204) return null;
  const told = await answer.json();
  if (!answer.ok) throw told;
  return told;
}

/** Distributions of the next tokens. */
export const askNextToken = (question, warm) =>
  ask(at("/api/generate-next-token"), { body: { digest: true, ...question }, warm });

export const TREES = at("/api/token-trees");

/** What a failed question says: `text` for the status line, `toast` if it is worth one, and the
 * characters that the model does not know. */
export function failureWords({ name, error = "", message = "" }) {
  const late = name === "TimeoutError" ? "Request timed out" : "";
  const told = error || (name ? "" : message);
  const unknown = /^Unknown characters: \[(.*)\]$/.exec(told)?.[1] ?? "";
  return {
    text: WORDS[told] ?? (told || late || UNREACHABLE),
    toast: late || (told.startsWith("Generation failed") ? told : ""),
    unknown: [...unknown.matchAll(/'(.+?)'/gu)].map((found) => found[1]),
  };
}
