// A training as it is known here: the whole at first, then what its events change. Pure.

const EMPTY = { status: null, points: [], moments: [], number: 0 };

const byStep = (rows, fresh) => {
  const found = new Map(rows.map((row) => [row.step, row]));
  for (const row of fresh) found.set(row.step, row);
  return [...found.values()].sort((a, b) => a.step - b.step);
};

const FRAMES = {
  whole: (_, { status, points, moments, number }) => ({ status, points, moments, number }),
  status: (state) => state,
  points: (state, { points }) => ({ ...state, points: byStep(state.points, points) }),
  moment: (state, { moment }) => ({ ...state, moments: byStep(state.moments, [moment]) }),
  // Somebody went on from a checkpoint: what came after it is trained again.
  rewound: (state, { step }) => ({
    ...state,
    points: state.points.filter((row) => row.step <= step),
    moments: state.moments.filter((row) => row.step <= step),
  }),
};

/** The state after a frame; the same one for a frame that it holds already or does not know. */
export function fold(state, frame) {
  const change = FRAMES[frame.type];
  const known = frame.type !== "whole" && frame.number !== undefined;
  if (!change || (known && frame.number <= state.number)) return state;
  const next = change(state ?? EMPTY, frame);
  return {
    ...next,
    status: frame.status ?? next.status,
    number: frame.number ?? state.number,
  };
}

/** What a training's state is called on its page, and the colour of its light. */
export const LIGHTS = {
  queued: ["warn", "waiting for a worker"],
  running: ["busy", "training"],
  paused: ["warn", "paused"],
  done: ["good", "finished"],
  stopped: ["good", "stopped"],
  failed: ["bad", "failed"],
};

const UNITS = [
  [1e6, "M"],
  [1e3, "K"],
];

/** What the drawer says of the training's model: "Cats (15K params, step 2000)". */
export function modelWords({ name, parameters, step }) {
  const [size, unit] = UNITS.find(([least]) => parameters >= least) ?? [1, ""];
  return `${name} (${Math.round(parameters / size)}${unit} params, step ${step})`;
}

/** Seconds as people say them. */
export function timeWords(seconds) {
  if (seconds === null || seconds === undefined) return "–";
  if (seconds < 90) return `${Math.round(seconds)} s`;
  const minutes = seconds / 60;
  return minutes < 90 ? `${Math.round(minutes)} min` : `${(minutes / 60).toFixed(1)} h`;
}

export const lossWords = (value) =>
  value === null || value === undefined ? "–" : value.toFixed(3);
