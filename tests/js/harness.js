// Tests of modules: `test` notes one, the runner (test_modules.py) has a file's tests run in the
// order in which they stand and asks for what failed.
const noted = [];

export function test(name, run) {
  noted.push({ name, run });
}

/** The noted tests as {name, problem}: `problem` is "" for those that passed. */
export async function results() {
  const told = [];
  for (const { name, run } of noted) {
    try {
      await run();
      told.push({ name, problem: "" });
    } catch (error) {
      told.push({ name, problem: String(error?.stack ?? error) });
    }
  }
  return told;
}

/** As JSON that knows Map, Set and undefined apart, with keys in order. */
function shape(value) {
  if (value instanceof Map) return { map: [...value].map(shape) };
  if (value instanceof Set) return { set: [...value].map(shape) };
  if (ArrayBuffer.isView(value)) return shape([...value]);
  if (Array.isArray(value)) return value.map(shape);
  if (value === undefined) return "undefined";
  if (typeof value === "number" && !Number.isFinite(value)) return String(value);
  if (value === null || typeof value !== "object") return value;
  const keys = Object.keys(value).sort();
  return Object.fromEntries(keys.map((key) => [key, shape(value[key])]));
}

export function equal(found, wanted, what = "") {
  const [a, b] = [found, wanted].map((value) => JSON.stringify(shape(value)));
  if (a !== b) throw new Error(`${what} found ${a}, wanted ${b}`);
}

export function near(found, wanted, tolerance, what = "") {
  const close = Math.abs(found - wanted) <= tolerance;
  if (!close) throw new Error(`${what} found ${found}, wanted ${wanted} within ${tolerance}`);
}

export async function refused(promise, words) {
  try {
    await promise;
  } catch (error) {
    if (String(error).includes(words)) return;
    throw new Error(`refused with ${error}, wanted ${words}`);
  }
  throw new Error(`nothing was refused, wanted ${words}`);
}

/** A table of cases that a rule of the same name in Python is held to as well. */
export async function twins(name) {
  const response = await fetch(`/tests/data/twins/${name}.json`);
  const cases = await response.json();
  if (!cases.length) throw new Error(`no cases in ${name}.json`);
  return cases;
}
