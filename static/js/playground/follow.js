// A socket that tells of one thing: frames in, again after a lost connection, dead after silence.
const FIRST = 500,
  LONGEST = 15000,
  SILENCE = 40000;
const GONE = new Set([4404, 4403]);

const address = (path) => `${location.protocol.replace("http", "ws")}//${location.host}${path}`;

/**
 * Follow what the socket at a path tells. `onFrame(frame)` is called for each frame,
 * `onConnection(state)` with connecting, live, waiting or gone. Returns a function that ends it.
 */
export function follow(path, onFrame, onConnection = () => {}) {
  const state = { socket: null, wait: FIRST, timer: 0, watchdog: 0, over: false };

  // Without a heartbeat for long the connection is dead, whatever the browser believes.
  function alive() {
    clearTimeout(state.watchdog);
    state.watchdog = setTimeout(() => state.socket?.close(), SILENCE);
  }

  function open() {
    onConnection("connecting");
    const socket = new WebSocket(address(path));
    state.socket = socket;
    socket.addEventListener("open", () => {
      state.wait = FIRST;
      alive();
      onConnection("live");
    });
    socket.addEventListener("message", ({ data }) => {
      alive();
      onFrame(JSON.parse(data));
    });
    socket.addEventListener("close", ({ code }) => lost(code));
  }

  function lost(code) {
    clearTimeout(state.watchdog);
    if (state.over) return;
    if (GONE.has(code)) {
      onConnection("gone");
      return;
    }
    onConnection("waiting");
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
