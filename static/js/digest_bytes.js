// The bytes of a stored forward pass as arrays. The format is that of
// inference/engine/digest_bytes.py; a test holds the two together.
const [MAGIC, VERSION, HEADER, BITMAP] = [0x554d4447, 2, 20, 2048];
const [PLAIN, IDS_CODED] = [1, 2];

function half(bits) {
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  return exponent ? (1 + fraction / 1024) * 2 ** (exponent - 15) : fraction * 2 ** -24;
}

let table = null;

/** Numbers of sixteen bits that are not negative; each of their values is worked out once. */
function halves(low, high) {
  table ??= Float64Array.from({ length: 31744 }, (_, value) => half(value));
  return Float64Array.from(low, (byte, i) => table[byte | (high[i] << 8)]);
}

async function inflated(bytes) {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** Takes arrays off bytes in turn. */
class Reader {
  constructor(bytes) {
    Object.assign(this, { all: bytes, offset: 0 });
  }

  bytes(size) {
    this.offset += size;
    return this.all.subarray(this.offset - size, this.offset);
  }

  /** Whole numbers whose bytes lie in planes, the lowest first. */
  planes(width, size) {
    const out = new Uint32Array(size);
    for (let byte = 0; byte < width; byte += 1) {
      this.bytes(size).forEach((value, i) => {
        out[i] |= value << (8 * byte);
      });
    }
    return out;
  }

  floats(size) {
    return new Float32Array(this.planes(4, size).buffer);
  }

  ascending(size) {
    return summed(this.planes(4, size), 1);
  }

  /** Two-byte numbers [nodes, count] from their second differences along the nodes. */
  curve(kind, nodes, count) {
    const out = kind.from(this.planes(2, nodes * count));
    for (const _ of "12") summed(out, count);
    return out;
  }

  spread(nodes, count) {
    return summed(Uint8Array.from(this.bytes(nodes * count)), count);
  }
}

/** The same, of numbers that were written as they are. */
class AsTheyAre extends Reader {
  array(kind, size) {
    return new kind(this.bytes(size * kind.BYTES_PER_ELEMENT).slice().buffer);
  }

  planes(_width, size) {
    return this.array(Uint32Array, size);
  }

  ascending(size) {
    return this.array(Uint32Array, size);
  }

  floats(size) {
    return this.array(Float32Array, size);
  }

  curve(kind, nodes, count) {
    return this.array(kind, nodes * count);
  }

  spread(nodes, count) {
    return this.array(Uint8Array, nodes * count);
  }
}

/** Each row of `width` numbers becomes the sum of itself and all before; as the kind wraps. */
function summed(rows, width) {
  for (let i = width; i < rows.length; i += 1) rows[i] += rows[i - width];
  return rows;
}

/** Token ids [count, kept] from a bit for each token and row, the highest of a byte first. */
function fromBits(bits, vocabulary, count, kept) {
  const [width, ids, found] = [Math.ceil(count / 8), new Uint32Array(count * kept), []];
  for (let row = 0; row < count; row += 1) found.push(row * kept);
  for (let token = 0; token < vocabulary; token += 1) {
    for (let row = 0; row < count; row += 1) {
      if (bits[token * width + (row >> 3)] & (128 >> (row & 7))) ids[found[row]++] = token;
    }
  }
  return ids;
}

/** Token ids [count, kept] from each one's distance to the one before it in its row. */
function fromGaps(low, high, kept) {
  const ids = new Uint32Array(low.length);
  for (let i = 0; i < ids.length; i += 1) {
    ids[i] = (low[i] | (high[i] << 8)) + (i % kept ? ids[i - 1] : 0);
  }
  return ids;
}

/** The arrays of a digest's bytes; row after row but for those of the curve, node after node. */
export async function read(buffer) {
  const { sizes, low, rest, coding } = opened(buffer);
  if (coding === PLAIN) return told(sizes, low, new Reader(rest));
  if (coding !== IDS_CODED) return told(sizes, low, new Reader(await inflated(rest)));
  const size = numberBytes(sizes);
  const ids = new Reader(await inflated(rest.subarray(size)));
  return told(sizes, low, new AsTheyAre(rest.subarray(0, size)), ids);
}

/** The same at once, of bytes that are not coded. */
export function readPlain(buffer) {
  const { sizes, low, rest, coding } = opened(buffer);
  if (coding !== PLAIN) throw new Error("a coded digest");
  return told(sizes, low, new Reader(rest));
}

/** Bytes of the numbers that stand before the token ids. */
function numberBytes({ nodes, count, never }) {
  return 4 * (never + count * (4 + never)) + 5 * nodes * count;
}

function told(sizes, low, numbers, ids = numbers) {
  return { ...sizes, ...arrays(numbers, sizes), ...tokens(ids, low, sizes) };
}

function opened(buffer) {
  const head = new DataView(buffer);
  if (head.getUint32(0) !== MAGIC || head.getUint8(4) !== VERSION) throw new Error("not a digest");
  const sizes = {
    nodes: head.getUint8(5),
    kept: head.getUint16(6, true),
    count: head.getUint32(8, true),
    vocabulary: head.getUint32(12, true),
    never: head.getUint16(16, true),
  };
  const raw = new Reader(new Uint8Array(buffer, HEADER));
  const size = sizes.count * sizes.kept;
  const low = { codes: raw.bytes(size) };
  if (sizes.vocabulary > BITMAP) low.ids = raw.bytes(size);
  return { sizes, low, rest: raw.all.subarray(raw.offset), coding: head.getUint16(18, true) };
}

function arrays(take, { nodes, count, never }) {
  take.planes(4, never);
  const positions = take.ascending(count);
  take.floats(2 * count); // largest logits, entropies at temperature 1
  return {
    positions,
    excluded: take.floats(count * never),
    far: take.floats(count),
    value: take.curve(Uint16Array, nodes, count),
    slope: take.curve(Int16Array, nodes, count),
    spread: take.spread(nodes, count),
  };
}

function tokens(take, low, { kept, count, vocabulary }) {
  const ids = low.ids
    ? fromGaps(low.ids, take.planes(2, count * kept), kept)
    : fromBits(take.bytes(vocabulary * Math.ceil(count / 8)), vocabulary, count, kept);
  return { ids, below: halves(low.codes, take.bytes(count * kept)) };
}
