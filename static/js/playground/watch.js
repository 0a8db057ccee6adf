// A conversation's socket: the whole first, then every change and every token. Comes back by
// itself after a lost connection; the server then tells everything anew from where things stand.
const FIRST = 500,
  LONGEST = 15000,
  SILENCE = 40000,
  CROWDED = 4429;
const REFUSED = { 4401: "signed-out", 4403: "refused", 4404: "gone" };

const FRAMES = {
  conversation: (on, frame) => on.onConversation?.(frame),
  message: (on, frame) => on.onMessage?.(frame.message),
  changed: (on, frame) => on.onChanged?.(frame.conversation),
  token: (on, frame) => on.onToken?.(frame.token, frame.token_count, frame.max_token_count, frame),
  draft: (on, frame) => on.onDraft?.(frame),
  done: (on, frame) => on.onComplete?.(frame),
  error: (on, frame) => on.onError?.(frame),
};

/**
 * Follows a conversation by the address of its socket. `on` has functions by what happens, all of
 * them optional: onConnection(state), onConversation(frame), onMessage(message),
 * onChanged(conversation), onToken(token, tokenCount, maxTokenCount, frame), onDraft(frame),
 * onComplete(frame), onError(frame). The server's heartbeat comes every 15 seconds: a line that is
 * silent for longer than `silence` milliseconds is dead, whatever the browser believes, and is left
 * for another one without waiting for its end.
 */
export class Watch {
  constructor(address, on, { silence = SILENCE, first = FIRST } = {}) {
    Object.assign(this, {
      address,
      on,
      silence,
      first,
      wait: first / 2,
      over: false,
      socket: null,
      timer: 0,
    });
    this.back = () => this.again();
    addEventListener("online", this.back);
    addEventListener("offline", this.back);
    document.addEventListener("visibilitychange", this.back);
  }

  open() {
    clearTimeout(this.timer);
    this.timer = 0;
    this.tell("connecting");
    const socket = new WebSocket(this.address);
    this.socket = socket;
    socket.onmessage = ({ data }) => socket === this.socket && this.heard(data);
    socket.onclose = ({ code }) => socket === this.socket && this.lost(code);
    this.alive();
  }

  tell(state) {
    this.on.onConnection?.(state);
  }

  heard(data) {
    this.alive();
    if (this.wait !== null) this.tell("live"); // accepted is no proof: a server may close at once
    this.wait = null;
    const frame = JSON.parse(data);
    FRAMES[frame.type]?.(this.on, frame);
  }

  alive() {
    this.last = Date.now();
    clearTimeout(this.watchdog);
    this.watchdog = setTimeout(() => this.drop(), this.silence);
  }

  /** Let go of the line, in whatever state it is. */
  drop() {
    const socket = this.socket;
    this.socket = null;
    socket?.close();
    this.lost(0);
  }

  lost(code) {
    clearTimeout(this.watchdog);
    this.socket = null;
    if (this.over) return;
    if (REFUSED[code]) {
      this.tell(REFUSED[code]);
      return;
    }
    this.tell(code === CROWDED ? "crowded" : navigator.onLine ? "waiting" : "offline");
    this.wait = Math.min(LONGEST, (this.wait ?? this.first / 2) * 2);
    this.timer = setTimeout(() => this.open(), this.wait);
  }

  /** Network or tab are back, or have gone: a line that was silent too long is looked at now. */
  again() {
    if (this.over || document.hidden) return;
    if (!navigator.onLine) this.socket && this.drop();
    else if (!this.socket && this.timer) this.open();
    else if (this.socket && Date.now() - this.last > this.silence) this.drop();
  }

  close() {
    this.over = true;
    clearTimeout(this.timer);
    clearTimeout(this.watchdog);
    removeEventListener("online", this.back);
    removeEventListener("offline", this.back);
    document.removeEventListener("visibilitychange", this.back);
    this.socket?.close();
  }
}

/** The address of a socket of this site. */
export const socketAddress = (path) =>
  `${location.protocol.replace("http", "ws")}//${location.host}${path}`;
