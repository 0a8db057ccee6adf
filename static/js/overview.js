// The overview's cells are as large as lets all of them stand in the canvas's box at once.
const GAP = 2;
const [SMALLEST, LARGEST] = [4, 24];
/** The canvas's own padding, on both sides together. */
const PADDING = 8;
/** Of a small screen, whose page scrolls as a whole: the share that the canvas may take. */
const SHARE = 0.6;

/** The side in px of `count` squares that fill a box; the smallest one if they never fit. */
export function sideFor(count, width, height) {
  const places = (length, side) => Math.floor((length + GAP) / (side + GAP));
  let side = LARGEST;
  while (side > SMALLEST && places(width, side) * places(height, side) < count) side -= 0.5;
  return side;
}

export class Overview {
  /** `box`: what scrolls if the cells in `root` are too many. */
  constructor(root, box) {
    Object.assign(this, { root, box, count: 0 });
    new ResizeObserver(() => this.fit(this.count)).observe(box);
  }

  fit(count) {
    this.count = count;
    if (this.root.dataset.view !== "overview") return;
    const bounded = getComputedStyle(this.box).overflowY === "auto";
    const height = bounded ? this.box.clientHeight : SHARE * window.innerHeight;
    const side = sideFor(count, this.box.clientWidth, height - PADDING);
    this.root.style.setProperty("--side", `${side}px`);
  }
}
