// A conversation's socket: the whole first, then every change and every token. Comes back by
// itself after a lost connection; the server then tells everything anew from where things stand.
const FIRST = 500,
  LONGEST = 15000,
  SILENCE = 40000;
const GONE = new Set([4404, 4403]);

const address = (path) => `${location.protocol.replace("http", "ws")}//${location.host}${path}`;

/**
 * Follow a conversation by the path of its socket. `on` has functions by what happens, all of them
 * optional:
 * onConnection(state), onConversation(frame), onMessage(message), onChanged(conversation),
 * onToken(token, tokenCount, maxTokenCount, frame), onDraft(frame), onComplete(frame),
 * onError(frame). Returns a function that ends it.
 */
export function watchConversation(path, on) {
  const state = { socket: null, wait: FIRST, timer: 0, watchdog: 0, over: false };
  const tell = (name, ...values) => on[name]?.(...values);
  const FRAMES = {
    conversation: (frame) => tell("onConversation", frame),
    message: (frame) => tell("onMessage", frame.message),
    changed: (frame) => tell("onChanged", frame.conversation),
    token: (frame) => tell("onToken", frame.token, frame.token_count, frame.max_token_count, frame),
    draft: (frame) => tell("onDraft", frame),
    done: (frame) => tell("onComplete", frame),
    error: (frame) => tell("onError", frame),
  };

  // Without a heartbeat for long the connection is dead, whatever the browser believes.
  function alive() {
    clearTimeout(state.watchdog);
    state.watchdog = setTimeout(() => state.socket?.close(), SILENCE);
  }

  function open() {
    tell("onConnection", "connecting");
    const socket = new WebSocket(address(path));
    state.socket = socket;
    socket.addEventListener("open", () => {
      state.wait = FIRST;
      alive();
      tell("onConnection", "live");
    });
    socket.addEventListener("message", ({ data }) => {
      alive();
      const frame = JSON.parse(data);
      FRAMES[frame.type]?.(frame);
    });
    socket.addEventListener("close", ({ code }) => lost(code));
  }

  function lost(code) {
    clearTimeout(state.watchdog);
    if (state.over) return;
    if (GONE.has(code)) {
      tell("onConnection", "gone");
      return;
    }
    tell("onConnection", "waiting");
    state.timer = setTimeout(open, state.wait);
    state.wait = Math.min(LONGEST, state.wait * 2);
  }

  function again() {
    if (state.socket?.readyState === WebSocket.CLOSED && !state.over) {
      clearTimeout(state.timer);
      open();
    }
  }

  addEventListener("online", again);
  open();
  return () => {
    state.over = true;
    clearTimeout(state.timer);
    removeEventListener("online", again);
    state.socket.close();
  };
}
