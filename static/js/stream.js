// The page's one socket: frames beginning with "{" are JSON for the page, others are HTML partials
// that htmx swaps out of band. Reconnecting is ours: exponential backoff with jitter, at once when
// the network or the tab comes back, never after a refusal (44xx). One socket too many is no
// refusal: a place becomes free when another page is closed.
const REFUSED = { 4401: "signed-out", 4403: "refused", 4404: "gone" };
const CROWDED = 4429;
const LONGEST = 30_000;
const SILENCE = 60_000;

const delay = (tries) => Math.min(LONGEST, 500 * 2 ** tries) * (0.6 + 0.4 * Math.random());

export class Stream {
  /** `on` = {frame(object), html(text), state(name, detail)}; `after()` = last number seen. */
  constructor(url, on, after) {
    Object.assign(this, { url, on, after, tries: 0, socket: null, timer: null, heard: 0 });
    window.addEventListener("online", () => this.now());
    window.addEventListener("offline", () => this.on.state("offline"));
    document.addEventListener("visibilitychange", () => {
      if (!document.hidden && Date.now() - this.heard > SILENCE) this.now();
    });
    setInterval(() => this.ping(), SILENCE / 4);
  }

  get isOpen() {
    return this.socket?.readyState === WebSocket.OPEN;
  }

  connect() {
    clearTimeout(this.timer);
    this.on.state("connecting", { tries: this.tries });
    const socket = new WebSocket(`${this.url}?after=${this.after()}`);
    this.socket = socket;
    socket.onopen = () => this.opened(socket);
    socket.onmessage = (event) => this.message(socket, event.data);
    socket.onclose = (event) => this.closed(socket, event);
  }

  opened(socket) {
    if (socket !== this.socket) return;
    this.heard = Date.now();
    this.asked = 0;
    if (this.tries)
      this.ask(); // a server may accept and close at once: only its word is a proof
    else this.on.state("live");
  }

  message(socket, data) {
    if (socket !== this.socket || typeof data !== "string") return;
    this.heard = Date.now();
    if (this.tries) this.proven();
    if (data.startsWith("{")) this.on.frame(JSON.parse(data));
    else this.on.html(data);
  }

  proven() {
    this.tries = 0;
    this.on.state("live");
  }

  closed(socket, { code, reason }) {
    if (socket !== this.socket) return;
    if (REFUSED[code]) return this.on.state(REFUSED[code], { reason });
    const wait = delay(this.tries);
    this.tries += 1;
    const name = code === CROWDED ? "crowded" : navigator.onLine ? "waiting" : "offline";
    this.on.state(name, { tries: this.tries, wait });
    this.timer = setTimeout(() => this.connect(), wait);
  }

  /** Reconnect without waiting: the old socket is let go, whatever state it is in. */
  now() {
    const old = this.socket;
    this.socket = null;
    old?.close();
    this.connect();
  }

  /** A line that stays silent is asked for an answer; without one it is dead. */
  ping() {
    if (!this.isOpen || document.hidden || Date.now() - this.heard < SILENCE) return;
    if (this.asked > this.heard) this.now();
    else this.ask();
  }

  ask() {
    this.asked = Date.now();
    this.send({ type: "resume", after: this.after() });
  }

  /** False if there is no connection: a command is never kept back and sent later. */
  send(message) {
    if (!this.isOpen) return false;
    this.socket.send(JSON.stringify(message));
    return true;
  }
}
