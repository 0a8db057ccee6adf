// What the socket brings: replies for the commands, events for the copy of the session.
import { atHead, reduce, tip } from "./state.js";

const PASSES = new Set(["forward", "step", "head"]);
const RUN_WORDS = {
  done: "The run is done.",
  stopped: "The run was stopped.",
  failed: "The run failed.",
};

export class Updates {
  constructor(page) {
    Object.assign(this, { page, begun: false });
  }

  /** One JSON frame of the socket. */
  frame(frame) {
    const { commands } = this.page;
    const handlers = {
      event: () => this.event(frame),
      snapshot: () => this.replace(),
      reply: () => commands.answered(frame.reply ?? frame),
      error: () => commands.failed(frame.error ?? frame),
    };
    handlers[frame.t]?.();
  }

  event(frame) {
    const { page } = this;
    const { state } = page;
    this.begun = true;
    if (frame.number <= state.number) return; // the snapshot holds it already
    const following = atHead(state, page.shown);
    const { path } = state;
    const changed = reduce(state, frame);
    if (changed.includes("gap")) page.stream.send({ type: "resume", after: state.number });
    if (following && state.path === state.head.branch) page.shown = state.head.number;
    if (following && changed.includes("elsewhere")) this.leave(frame);
    if (state.path !== path || frame.type === "head") page.shareLater();
    this.react(frame);
    page.later();
  }

  react({ type, payload }) {
    const { page } = this;
    const words = type === "run" && RUN_WORDS[payload.status];
    if (words) page.status.announce(words);
    if (type === "staged") page.staging.changed(payload);
    if (type === "step" || type === "head") page.staging.forget();
    page.missed.stepped(tip(page.state));
    if (PASSES.has(type)) page.status.remark("");
    if (type === "forward") this.passed(payload);
  }

  /** A new forward pass: what was derived from the former one is out of date. */
  passed({ branch, number }) {
    const { page } = this;
    page.regret.forget();
    page.profile.passed(branch, number);
    page.passes.passed(number);
    page.heat.override(null);
    page.preview.forget();
  }

  /** Somebody moved the head to a line that this page does not hold. */
  leave({ type, payload }) {
    if (type !== "head") return;
    location.assign(this.page.addressAt(payload.branch, payload.number));
  }

  /** Too much was missed: the page is loaded anew, with its panels, where it was looking. */
  replace() {
    const { page } = this;
    const following = atHead(page.state, page.shown);
    location.replace(following ? page.address : page.addressAt(page.state.path, page.shown));
  }
}
