// One side of the page: the text as it stands after a pass, and what it cost so far.
import { at } from "../../addresses.js";
import { element, write } from "../../dom.js";
import { depthOf, sumWords } from "../drawer_text.js";

export class Panel {
  /** Follows a generation; `changed()` when something is new. */
  constructor(root, trace, changed) {
    Object.assign(this, { root, trace, changed });
    const part = (name) => root.querySelector(`[data-${name}]`);
    for (const name of ["text", "sums", "state", "link"]) this[name] = part(name);
  }

  follow(id) {
    this.root.hidden = false;
    this.source = new EventSource(at(`/api/generations/${id}/passes`));
    this.source.addEventListener("message", ({ data }) => {
      this.trace.add(JSON.parse(data));
      if (this.trace.isOver) this.source.close();
      this.changed();
    });
  }

  /** The state after `count` passes; where a trace has fewer, its last one. */
  draw(count, playing) {
    const { trace } = this;
    const shown = Math.min(count, trace.passes.length);
    this.text.replaceChildren(...trace.cells(shown).map((cell) => this.cell(cell, shown)));
    const growing = playing && trace.kind === "autoregressive" && shown < trace.passes.length;
    if (growing || !trace.isOver) this.text.append(element("span", "█", "cursor"));
    write(this.sums, this.words(trace.sums(shown)));
    write(this.state, this.stateWords());
    this.state.className = trace.error ? "errors" : "small muted";
    if (trace.end?.url) {
      this.link.href = trace.end.url;
      this.link.hidden = false;
    }
  }

  cell({ text, logprob, pass }, shown) {
    const open = text === null;
    const given = pass === 0 && !open;
    const names = [
      open ? "open" : given ? "given" : "written",
      pass === shown && pass ? "now" : "",
    ];
    const span = element("span", open ? "░" : text, names.join(" ").trim());
    const depth = depthOf({ logprob }, "surprise");
    if (depth !== null) span.dataset.depth = depth;
    if (pass) span.title = `pass ${pass}${logprob === null ? "" : `, ${logprob.toFixed(2)} nats`}`;
    return span;
  }

  words({ passes, tokens, nats, judged, ms }) {
    if (!passes) return this.trace.error ? "" : "No pass yet";
    const pace = (tokens / passes).toFixed(2);
    const time = ms === null ? "" : `, ${(ms / passes).toFixed(0)} ms a pass`;
    return `${passes} passes, ${tokens} tokens: ${pace} a pass${time}. ${sumWords(nats, judged)}`;
  }

  stateWords() {
    const { trace } = this;
    if (trace.error) return trace.error.message;
    if (trace.end) return `Finished after ${trace.end.seconds.toFixed(1)} s, waiting included`;
    return trace.started ? "Writing" : "Waiting for the model";
  }
}
