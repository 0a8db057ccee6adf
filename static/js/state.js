// The client's copy of a session: snapshot + later events = the next snapshot. Mirrors the
// Python selector `visualizer.selectors.snapshot`; a test holds the two together.
// Every slot keeps its own history along the shown path, so that any step can be drawn without
// asking the server.

function newSlot(id, given, prompt, born, surplus = false) {
  return { id, prompt, born, died: Infinity, given, surplus, history: [], locks: [] };
}

/** The start: slot ids are the initial positions; what is not prompt was a mask. */
function startSlots(state, snapshot) {
  const shown = new Map(snapshot.slots.map((row) => [row[0], row]));
  const { prompt_length: prompt, gen_length: length, mask_id: mask } = snapshot.session;
  for (let id = 0; id < prompt + length; id += 1) {
    const [, token, label, , given] = shown.get(id) ?? [id, mask, "", "", 0];
    const first = given ? { token, label } : { token: mask, label: "" };
    state.order.push(id);
    state.slots.set(id, newSlot(id, first, Boolean(given), 0));
  }
}

/** State from a snapshot frame. */
export function fromSnapshot(snapshot) {
  const state = {
    number: snapshot.number,
    session: snapshot.session,
    path: snapshot.head.branch,
    head: { ...snapshot.head },
    branches: new Map(snapshot.branches.map((row) => [row.id, { ...row }])),
    steps: new Map(),
    heat: new Map(),
    entropy: new Map(),
    thinned: new Set(),
    order: [],
    slots: new Map(),
    staged: snapshot.staged,
    run: snapshot.run,
    notes: new Map(snapshot.notes?.map((note) => [placeOf(note), note])),
  };
  startSlots(state, snapshot);
  for (const step of [...snapshot.steps].sort((a, b) => a.number - b.number)) {
    state.steps.set(step.number, step);
    applyOps(state, step.number, step.ops);
  }
  for (const [number, forward] of Object.entries(snapshot.forwards)) {
    keepPass(state, +number, forward);
  }
  return state;
}

/** What a forward pass amounts to; of a thinned one the distribution has been given up. */
function keepPass(state, number, { heat, entropy, thinned = false }) {
  state.heat.set(number, heat);
  state.entropy.set(number, entropy);
  state.thinned[thinned ? "add" : "delete"](number);
}

const placeOf = ({ branch, number }) => `${branch}:${number}`;

const OPS = {
  commit: write,
  edit: write,
  remask: (state, number, op) => push(state, op.slot, { step: number, token: null }),
  lock: (state, number, op) => state.slots.get(op.slot)?.locks.push([number, true]),
  unlock: (state, number, op) => state.slots.get(op.slot)?.locks.push([number, false]),
  insert: (state, number, op) => {
    const given = { token: state.session.mask_id, label: "" };
    state.order.splice(state.order.indexOf(op.slot) + 1, 0, ...op.new);
    for (const id of op.new) state.slots.set(id, newSlot(id, given, false, number, op.surplus));
  },
  delete: (state, number, op) => {
    state.slots.get(op.slot).died = number;
  },
};

function push(state, id, entry) {
  state.slots.get(id)?.history.push(entry);
}

function write(state, number, op) {
  const { slot, token, label, by, p } = op;
  push(state, slot, { step: number, token, label, by, p });
}

function applyOps(state, number, ops) {
  for (const op of ops) OPS[op.op]?.(state, number, op);
}

function forget(state, after) {
  for (const slot of state.slots.values()) {
    slot.history = slot.history.filter((entry) => entry.step <= after);
    slot.locks = slot.locks.filter(([step]) => step <= after);
    if (slot.died > after) slot.died = Infinity;
  }
  state.order = state.order.filter((id) => state.slots.get(id).born <= after);
  for (const map of [state.steps, state.heat, state.entropy]) {
    for (const number of map.keys()) if (number > after) map.delete(number);
  }
}

/** Leave the shown path for a branch that forks from it; the parent's later steps go. */
function turnInto(state, branch) {
  const row = state.branches.get(branch);
  if (!row || !onPath(state, { branch: row.parent, number: row.fork_number })) return false;
  forget(state, row.fork_number);
  state.path = branch;
  return true;
}

/** Does an event of this branch belong to the path that is shown? A fresh fork is followed. */
function follows(state, branch, from) {
  if (branch === state.path) return true;
  const row = state.branches.get(branch);
  const fresh = state.path === state.head.branch && row?.fork_number === from;
  if (!fresh || !turnInto(state, branch)) return false;
  state.head = { branch, number: from };
  return true;
}

/** Does a step belong to the path that is shown? What is done by hand is done at the head, which
 * comes behind it; a run is followed by its head event alone, as many run where nobody looks. */
function belongs(state, { by, branch, number }) {
  return by === "run" ? branch === state.path : follows(state, branch, number - 1);
}

/** Is a step's place on the way to the shown branch? */
function onPath(state, { branch, number }) {
  let row = state.branches.get(state.path);
  while (row && row.id !== branch) {
    if (number > row.fork_number) return false;
    row = state.branches.get(row.parent);
  }
  return Boolean(row);
}

const EVENTS = {
  session: (state, payload) => {
    Object.assign(state.session, payload);
    return ["session"];
  },
  branch: (state, payload) => {
    state.branches.set(payload.id, { steps: 0, ...state.branches.get(payload.id), ...payload });
    return ["branches"];
  },
  step: (state, step) => {
    const row = state.branches.get(step.branch);
    if (row) row.steps = Math.max(row.steps, step.number - row.fork_number);
    if (!belongs(state, step)) return ["elsewhere"];
    state.steps.set(step.number, step);
    applyOps(state, step.number, step.ops);
    return ["cells", "steps"];
  },
  forward: (state, payload) => {
    if (!onPath(state, payload)) return [];
    keepPass(state, payload.number, payload);
    return ["heat"];
  },
  staged: (state, payload) => {
    state.staged = payload;
    return ["cells", "staged"];
  },
  head: (state, payload) => {
    const here = follows(state, payload.branch, payload.number);
    state.head = { ...payload };
    return here ? ["cells", "head"] : ["elsewhere"];
  },
  note: (state, payload) => {
    if (payload.text) state.notes.set(placeOf(payload), payload);
    else state.notes.delete(placeOf(payload));
    return ["notes"];
  },
  run: (state, payload) => {
    state.run = payload;
    return ["run"];
  },
};

/** Apply one event. Returns what changed; "gap" asks for what was missed, "elsewhere" means that
 * it happened on a branch that is not shown. */
export function reduce(state, { number, type, payload }) {
  if (number <= state.number) return [];
  if (number > state.number + 1) return ["gap"];
  state.number = number;
  return EVENTS[type] ? EVENTS[type](state, payload) : [];
}

function upTo(entries, number) {
  let found = null;
  for (const entry of entries) if (entry.step <= number) found = entry;
  return found;
}

/** Was the slot there after step `number`? */
const lives = ({ born, died }, number) => born <= number && died > number;

/** Slot → position after step `number`. */
export function placesAt(state, number) {
  const there = state.order.filter((id) => lives(state.slots.get(id), number));
  return new Map(there.map((id, place) => [id, place]));
}

/** The canvas after step `number`, one row for each position. */
export function canvasAt(state, number) {
  const rows = [];
  for (const id of state.order) {
    const slot = state.slots.get(id);
    if (!lives(slot, number)) continue;
    const entry = upTo(slot.history, number);
    const held = entry && entry.token !== null ? entry : null;
    const lock = slot.locks.findLast(([step]) => step <= number);
    rows.push({
      id,
      pos: rows.length,
      prompt: slot.prompt,
      inserted: slot.born > 0 && !slot.surplus,
      surplus: Boolean(slot.surplus),
      step: held?.step ?? 0,
      p: held?.p ?? null,
      by: held?.by ?? "",
      token: held ? held.token : slot.given.token,
      label: held ? held.label : slot.given.label,
      locked: lock ? lock[1] : false,
      masked: held === null && slot.given.token === state.session.mask_id,
      remasked: entry !== null && entry.token === null,
    });
  }
  return rows;
}

/** The notes of the shown path, from the start on. */
export function notesOf(state) {
  const shown = [...state.notes.values()].filter((note) => onPath(state, note));
  return shown.sort((a, b) => a.number - b.number);
}

/** The newest step of the shown path. */
export function tip(state) {
  return Math.max(0, ...state.steps.keys());
}

/** Is the shown step the one that the server works on? */
export const atHead = (state, shown) =>
  state.path === state.head.branch && shown === state.head.number;

export const isRunning = (state) => ["queued", "running"].includes(state.run?.status);

/** Whether the distribution of the pass over the state after a step can be looked at. */
export const hasDistribution = (state, number) =>
  state.heat.has(number) && !state.thinned.has(number);
