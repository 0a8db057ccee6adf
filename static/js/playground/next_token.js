// One question to the server: which token comes next, and with which probability?
const TIMEOUT = 5000;
const FIRST_TIMEOUT = 60000;
const WORDS = {
  "Session not found": "⚠️ Train a model first",
  "Model not initialized": "⚠️ Model initializing, try again",
};
const UNREACHABLE = "The server could not be reached.";
const SEEDS = 2 ** 31;

const csrf = () => JSON.parse(document.body.getAttribute("hx-headers"))["x-csrftoken"];

/** The server's distribution; `warm`: the model has answered before. Rejects with what it says. */
export async function askNextToken(question, { sample, warm }) {
  const drawn = sample ? { sample: true, seed: Math.floor(Math.random() * SEEDS) } : {};
  const answer = await fetch("/api/generate-next-token", {
    method: "POST",
    body: JSON.stringify({ ...question, ...drawn }),
    headers: { "Content-Type": "application/json", "X-CSRFToken": csrf() },
    signal: AbortSignal.timeout(warm ? TIMEOUT : FIRST_TIMEOUT),
  });
  const told = await answer.json();
  if (!answer.ok) throw told;
  return told;
}

/** What a failed question says: `text` for the status line, `toast` if it is worth one, and the
 * characters that the model does not know. */
export function failureWords({ name, error = "" }) {
  const late = name === "TimeoutError" ? "Request timed out" : "";
  const unknown = /^Unknown characters: \[(.*)\]$/.exec(error)?.[1] ?? "";
  return {
    text: WORDS[error] ?? (error || late || UNREACHABLE),
    toast: late || (error.startsWith("Generation failed") ? error : ""),
    unknown: [...unknown.matchAll(/'(.+?)'/gu)].map((found) => found[1]),
  };
}
