// A conversation's page: what its socket tells, and what is pressed. The server renders every turn.
import { $, $$, element, put, write } from "../dom.js";
import { toast } from "../toasts.js";
import { Alternatives } from "./alternatives.js";
import { Composer } from "./composer.js";
import { openForming } from "./forming.js";
import { Line } from "./line.js";
import { LiveAnswers } from "./live.js";
import { Scroll } from "./scroll.js";
import { Speech } from "./speech.js";
import { socketAddress, Watch } from "./watch.js";

const LIGHTS = {
  connecting: ["busy", "Connecting"],
  live: ["good", "Live"],
  waiting: ["warn", "Reconnecting"],
  offline: ["warn", "Offline"],
  crowded: ["warn", "Too many tabs"],
  "signed-out": ["bad", "Signed out"],
  refused: ["bad", "Refused"],
  gone: ["bad", "Gone"],
};
const ENDED = {
  "signed-out": "You have been signed out. Sign in again, then reload the page.",
  refused: "The server refuses this page's connection. Reload the page.",
  gone: "This conversation is no longer there.",
};
const ACTIVE = new Set(["queued", "writing"]);

export class ConversationPage {
  constructor() {
    const { base, socket } = $("main[data-conversation]").dataset;
    const box = $("#line");
    this.scroll = new Scroll(box, $("#to-end"));
    this.speech = new Speech($("#chat-said"));
    this.live = new LiveAnswers(() => this.scroll.follow());
    const fail = (error) =>
      toast("error", `The conversation could not be read: ${error.message}. Reload the page.`);
    this.line = new Line(box, base, () => this.adopt(), fail);
    this.composer = new Composer(this.line, () => this.scroll.hold());
    this.alternatives = new Alternatives(this.line);
    box.addEventListener("click", (event) => this.click(event));
    box.addEventListener("toggle", (event) => this.toggle(event), true);
    this.adopt();
    this.scroll.hold();
    this.watch = new Watch(socketAddress(socket), this);
    this.watch.open();
  }

  /** After new HTML: buttons that need scripts, answers in the making, what may be sent. */
  adopt() {
    for (const one of $$(".js-only[hidden]", this.line.box)) one.hidden = false;
    for (const bubble of $$("[data-live]", this.line.box)) {
      const turn = bubble.closest(".turn");
      this.live.show(Number(turn.dataset.message), turn);
    }
    for (const code of $$(".bubble pre:not([data-code])", this.line.box)) addCopy(code);
    this.composer.draw();
    this.scroll.follow();
  }

  onConnection(name) {
    const pill = $("#chat-connection");
    [pill.dataset.state] = LIGHTS[name];
    write(pill, LIGHTS[name][1]);
    put(pill, "data-connection", name);
    pill.hidden = false;
    if (ENDED[name]) toast("error", ENDED[name]);
  }

  /** The whole, at the beginning and after every reconnect: answers are told anew. */
  onConversation({ conversation, messages }) {
    this.live.clear();
    for (const one of messages) if (ACTIVE.has(one.status)) this.live.begin(one.id, one.prefix);
    const fresh = messages.at(-1);
    const turn = fresh && this.line.turn(fresh.id);
    const same = conversation.head === this.line.head && turn?.dataset.status === fresh?.status;
    if (fresh && !same) this.line.refresh();
    else this.adopt();
  }

  onMessage(message) {
    if (ACTIVE.has(message.status)) this.live.begin(message.id, message.prefix);
    if (this.line.turn(message.id)?.dataset.status !== message.status) this.line.refresh();
  }

  onChanged({ title, head }) {
    write($("#chat-title"), title);
    document.title = `${title} · Unmask`;
    if (head !== this.line.head) this.line.refresh();
  }

  onToken(token, _count, _most, frame) {
    this.speech.add(frame.message_id, token, frame.offset);
    this.live.hear(frame);
  }

  onDraft(frame) {
    this.live.hear(frame);
  }

  onComplete({ message_id: id }) {
    this.speech.end(id);
    this.line.refresh().then(() => this.live.end(id));
  }

  onError(frame) {
    if (frame.message_id) this.onComplete(frame);
    else toast("error", frame.message);
  }

  toggle({ target }) {
    if (!target.open) return;
    if (target.matches("[data-tokens]")) this.alternatives.open(target);
    if (target.matches("[data-forming]")) openForming(target, this.line);
  }

  click(event) {
    const token = event.target.closest("[data-number]");
    if (token) this.alternatives.offer(token).catch(() => toast("error", "Try that again."));
    if (event.target.closest("[data-copy]"))
      copy($("[data-raw]", event.target.closest(".turn")).dataset.raw);
    if (event.target.closest("[data-older]")) {
      event.preventDefault();
      this.line.older().catch(() => toast("error", "Older messages could not be read. Try again."));
    }
  }
}

function addCopy(code) {
  code.dataset.code = "";
  const button = element("button", "Copy code", "btn btn-quiet btn-small code-copy");
  button.type = "button";
  button.addEventListener("click", () => copy(code.textContent));
  code.after(button);
}

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    toast("good", "Copied.");
  } catch {
    toast("error", "The browser did not let this page copy.");
  }
}

export function openConversation() {
  new ConversationPage();
}
