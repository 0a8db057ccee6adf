// Levels of a forward pass: the best token's probability as a byte, by slot. Passes tell them by
// position, and a position belongs to another slot once something before it came or went.
import { bytes } from "./colours.js";
import { placesAt } from "./state.js";

export const NONE = -1;

/** What `at` gives for the positions after step `number`, by slot id; NONE where it gives none. */
export function bySlot(state, number, at) {
  const levels = new Int16Array(Math.max(...state.slots.keys()) + 1).fill(NONE);
  for (const [id, place] of placesAt(state, number)) levels[id] = at(place) ?? NONE;
  return levels;
}

/** Levels of the pass over the state after step `number`, from its heat; null if there was none. */
export function levelsAt(state, number, text = state.heat.get(number)) {
  if (!text) return null;
  const heat = bytes(text);
  return bySlot(state, number, (place) => heat[place]);
}
