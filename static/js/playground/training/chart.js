// The curve of a training: loss of training and of held-out text by steps.

const HEIGHT = 280;

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

function options(width) {
  const axis = {
    stroke: colour("--muted"),
    grid: { stroke: colour("--line"), width: 1 },
    ticks: { stroke: colour("--line"), width: 1 },
  };
  const value = (_, number) => (number === null ? "–" : number.toFixed(3));
  const line = (label, name, dash) => ({
    label,
    value,
    stroke: colour(name),
    width: 2,
    dash,
    points: { show: false },
  });
  return {
    width,
    height: HEIGHT,
    scales: { x: { time: false } },
    axes: [
      { ...axis, label: "steps", labelSize: 22, size: 38 },
      { ...axis, label: "loss", labelSize: 22, size: 54 },
    ],
    series: [{ label: "step" }, line("training", "--accent"), line("held out", "--mark", [6, 4])],
    legend: { live: true },
    cursor: { y: false },
  };
}

const columns = (points) => [
  points.map((row) => row.step),
  points.map((row) => row.loss),
  points.map((row) => row.held_out),
];

/** A chart in an element. It is drawn anew where the element or the theme changes. The library
 * listens to the window as soon as it is imported, so that is done by the first chart. */
export class Chart {
  constructor(place) {
    this.place = place;
    this.points = [];
    this.library = this.plot = null;
    new ResizeObserver(() => this.resize()).observe(place);
    const redraw = () => this.rebuild();
    new MutationObserver(redraw).observe(document.documentElement, {
      attributeFilter: ["data-theme"],
    });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
    import("../../../vendor/uplot/uPlot.esm.js").then((library) => {
      this.library = library.default;
      this.rebuild();
    });
  }

  show(points) {
    this.points = points;
    this.plot?.setData(columns(points));
  }

  resize() {
    const width = this.place.clientWidth;
    if (width && this.plot && width !== this.plot.width)
      this.plot.setSize({ width, height: HEIGHT });
  }

  rebuild() {
    if (!this.library) return;
    this.plot?.destroy();
    this.plot = new this.library(
      options(this.place.clientWidth || 600),
      columns(this.points),
      this.place,
    );
  }
}
