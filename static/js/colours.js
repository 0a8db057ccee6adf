// Colour scales that are safe for colour-blind people: cividis and viridis in six bins for cells
// (CSS), and a smooth cividis table for the heat map.
export const BINS = 6;

const CIVIDIS = [
  [0, 34, 78],
  [18, 53, 112],
  [59, 73, 108],
  [87, 93, 109],
  [112, 113, 115],
  [138, 134, 120],
  [165, 156, 116],
  [195, 179, 105],
  [225, 204, 85],
  [254, 232, 56],
];

/** Bin 0..5 of a value in 0..1. */
export function bin(value) {
  return Math.max(0, Math.min(BINS - 1, Math.floor(value * BINS)));
}

function mix(a, b, t) {
  return Math.round(a + (b - a) * t);
}

function row(index) {
  const place = (index / 255) * (CIVIDIS.length - 1);
  const low = Math.min(CIVIDIS.length - 2, Math.floor(place));
  return CIVIDIS[low].map((channel, i) => mix(channel, CIVIDIS[low + 1][i], place - low));
}

/** 256 rows of [r, g, b]: the colour of a probability given as a byte. */
export const TABLE = Array.from({ length: 256 }, (_, index) => row(index));

/** Bytes of a base64 text. */
export function bytes(text) {
  const raw = atob(text);
  const out = new Uint8Array(raw.length);
  for (let i = 0; i < raw.length; i += 1) out[i] = raw.charCodeAt(i);
  return out;
}
