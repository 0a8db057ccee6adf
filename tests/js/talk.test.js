// Keys, commands, the socket and requests: what is asked of whom.
import { Commands } from "/static/js/commands.js";
import { Digests } from "/static/js/digest.js";
import { intentOf, modifiedIntentOf } from "/static/js/keys.js";
import { Profile } from "/static/js/profile.js";
import { NoCommands } from "/static/js/readonly.js";
import { getBytes, getJson } from "/static/js/requests.js";
import { Stream } from "/static/js/stream.js";
import { errorWords } from "/static/js/toasts.js";
import { equal, refused, test } from "./harness.js";

document.body.innerHTML = `<div id="toasts"></div>
  <div class="pane-tokens"><div id="tokens"><a role="option" id="cell">a</a></div>
  <button id="press">b</button><input id="typed"></div><p id="outside">c</p>
  <dialog open><button id="inside">d</button></dialog>`;
const at = (id) => document.getElementById(id);

/** A page that notes which method a key called. */
function noting() {
  const calls = [];
  const note = (path) =>
    new Proxy(() => {}, {
      get: (_, name) => note([...path, name]),
      apply: (_, __, given) => calls.push([path.join("."), ...given]),
    });
  return { page: note([]), calls };
}

function pressed(key, id, off) {
  const { page, calls } = noting();
  intentOf(key, at(id), off)?.(page);
  return calls[0] ?? null;
}

test("single letters act in the tokens, not where one types and not outside", () => {
  equal(pressed("f", "cell"), ["steering.act", "forward_pass"]);
  equal(pressed("F", "press"), ["steering.act", "forward_pass"]);
  equal(pressed("f", "typed"), null);
  equal(pressed("f", "outside"), null);
  equal(pressed("f", "inside"), null);
  equal(pressed("f", "cell", true), null);
  equal(pressed(" ", "cell", true), ["timeline.toggle"]);
  equal(pressed(" ", "press"), null); // a button is pressed by it
});

test("digits stage, arrows move, Escape stops, the help opens anywhere", () => {
  equal(pressed("2", "cell"), ["steering.stageNth", 1]);
  equal(pressed("0", "cell"), null);
  equal(pressed("ArrowLeft", "cell"), ["step", -1]);
  equal(pressed("ArrowLeft", "press"), null);
  equal(pressed("Escape", "typed"), ["sheet.close"]);
  equal(pressed("?", "outside"), ["steering.help"]);
});

test("with modifiers", () => {
  const asked = (given) => {
    const { page, calls } = noting();
    modifiedIntentOf({ altKey: false, shiftKey: false, target: at("cell"), ...given })?.(page);
    return calls[0] ?? null;
  };
  equal(asked({ key: "Enter" }), ["steering.applyOrRun"]);
  equal(asked({ key: "z" }), ["steering.undoStaging", "back"]);
  equal(asked({ key: "Z", shiftKey: true }), ["steering.undoStaging", "forth"]);
  equal(asked({ key: "z", target: at("typed") }), null);
  equal(asked({ key: "ArrowUp", altKey: true }), ["steering.goToBranch", "before"]);
  equal(asked({ key: "ArrowUp", altKey: true, target: at("typed") }), null);
});

function talk() {
  const sent = [];
  const stream = { up: true, send: (message) => stream.up && sent.push(message) > 0 };
  const commands = new Commands(stream, () => {});
  return { sent, stream, commands };
}
const toasts = () => [...document.querySelectorAll(".toast")].map((one) => one.textContent);
const clear = () => at("toasts").replaceChildren();

test("a command is busy until its own reply comes", async () => {
  const { sent, commands } = talk();
  const reply = commands.send({ type: "run" });
  equal(commands.busy, new Set(["run"]));
  commands.answered({ request_id: "another", type: "run" });
  equal(commands.busy.size, 1);
  commands.answered({ request_id: sent[0].request_id, done: 1 });
  equal((await reply).done, 1);
  equal(commands.busy.size, 0);
});

test("without a connection nothing is sent, now or later", async () => {
  clear();
  const { sent, stream, commands } = talk();
  stream.up = false;
  equal(await commands.send({ type: "run" }), null);
  stream.up = true;
  equal([sent.length, commands.busy.size], [0, 0]);
  equal(toasts()[0].includes("nothing was sent"), true);
});

test("a lost line answers what waited with nothing", async () => {
  const { commands } = talk();
  const reply = commands.send({ type: "run" });
  commands.forget();
  equal(await reply, null);
});

test("an error is shown once, with a way to try again; quiet ones are not", async () => {
  clear();
  const { sent, commands } = talk();
  const fail = (more) => {
    const { request_id } = sent.at(-1);
    commands.failed({
      request_id,
      message: "No.",
      error_type: "timeout",
      retryable: true,
      ...more,
    });
  };
  const first = commands.send({ type: "run" });
  fail({});
  equal(await first, null);
  equal(toasts().length, 1);
  const quiet = commands.send({ type: "run" }, { quiet: true });
  fail({});
  equal(await quiet, null);
  equal(toasts().length, 1);
  document.querySelector(".toast-actions button").click();
  equal(
    sent.map((message) => message.type),
    ["run", "run", "run"],
  );
});

test("a refusal says what to do: no other advice, no retry, no reference", () => {
  const shape = { correlation_id: "c0ffee", retryable: true };
  const nothing = "That branch holds nothing for open positions.";
  for (const error_type of ["conflict", "validation", "rate_limit", "not_found"]) {
    const words = errorWords({ ...shape, error_type, message: nothing });
    equal(words, { text: nothing, note: "", again: false }, error_type);
  }
  const slow = errorWords({ ...shape, error_type: "timeout", message: "Too slow." });
  equal([slow.note, slow.again], ["Reference c0ffee", true]);
  equal(slow.text.startsWith("Too slow. It took longer"), true);
});

test("a reader sends nothing and is told why", async () => {
  let told = 0;
  const commands = new NoCommands(() => {
    told += 1;
  });
  equal(await commands.send({ type: "run" }), null);
  equal(await commands.send({ type: "resume" }, { quiet: true }), null);
  equal(told, 1);
});

const answer =
  (body, status = 200) =>
  () =>
    Promise.resolve(new Response(body, { status }));

async function withFetch(fetched, run) {
  const real = window.fetch;
  window.fetch = fetched;
  try {
    await run();
  } finally {
    window.fetch = real;
  }
}

test("requests say what went wrong", async () => {
  await withFetch(answer('{"a": 1}'), async () => equal(await getJson("/x"), { a: 1 }));
  await withFetch(answer("no", 500), () => refused(getJson("/x"), "answered 500"));
  const lost = () => Promise.reject(new TypeError("failed"));
  await withFetch(lost, () => refused(getBytes("/x"), "could not be reached"));
  await withFetch(answer(null, 204), async () => equal(await getBytes("/x"), null));
});

test("a digest that could not be read is asked for again", async () => {
  const digests = new Digests();
  await withFetch(answer("no", 500), () => refused(digests.get("/d"), "answered 500"));
  await withFetch(answer(null, 204), async () => equal(await digests.get("/d"), null));
});

test("a profile that could not be read is told, and the page goes on", async () => {
  const told = [];
  const failed = (error) => told.push(error.message);
  const profile = new Profile("/s/", { ready: () => told.push("ready"), failed });
  const state = { path: 1, run: null, heat: new Map([[0, ""]]) };
  await withFetch(answer("no", 503), async () => {
    profile.want(true, state, 0);
    await new Promise((done) => setTimeout(done, 20));
    profile.want(true, state, 0); // not asked again and again
  });
  equal([told, profile.known], [["the server answered 503", "ready"], null]);
});

/** Stands where a WebSocket would; the test says what happens to it. */
class Line {
  static OPEN = 1;
  static all = [];
  readyState = 0;
  sent = [];
  constructor(url) {
    this.url = url;
    Line.all.push(this);
  }
  open() {
    this.readyState = Line.OPEN;
    this.onopen();
  }
  send(text) {
    this.sent.push(JSON.parse(text));
  }
  close() {
    this.readyState = 3;
  }
  drop(code = 1006) {
    this.readyState = 3;
    this.onclose({ code });
  }
}

async function withLines(run) {
  const real = window.WebSocket;
  window.WebSocket = Line;
  Line.all = [];
  const states = [];
  const heard = [];
  const on = {
    frame: (frame) => heard.push(frame),
    html: (text) => heard.push(text),
    state: (name) => states.push(name),
  };
  const stream = new Stream("ws://x/", on, () => 41);
  try {
    await run({ stream, states, heard, lines: Line.all });
  } finally {
    clearTimeout(stream.timer);
    window.WebSocket = real;
  }
}

test("the socket resumes after the last number and tells frames from partials", () =>
  withLines(({ stream, states, heard, lines }) => {
    stream.connect();
    equal(lines[0].url, "ws://x/?after=41");
    lines[0].open();
    lines[0].onmessage({ data: '{"t": "event"}' });
    lines[0].onmessage({ data: "<p>x</p>" });
    equal(
      [states, heard],
      [
        ["connecting", "live"],
        [{ t: "event" }, "<p>x</p>"],
      ],
    );
  }));

test("after a loss only the server's word counts as a connection", () =>
  withLines(({ stream, states, lines }) => {
    stream.connect();
    lines[0].open();
    lines[0].drop();
    equal(stream.send({ type: "run" }), false);
    stream.now();
    lines[1].open();
    equal([states.at(-1), lines[1].sent], ["connecting", [{ type: "resume", after: 41 }]]);
    lines[1].onmessage({ data: "{}" });
    equal(states.at(-1), "live");
  }));

test("a refusal is final; one socket too many is not", () =>
  withLines(({ stream, states, lines }) => {
    stream.connect();
    lines[0].drop(4429);
    equal(states.at(-1), "crowded");
    clearTimeout(stream.timer);
    stream.connect();
    lines[1].drop(4404);
    equal([states.at(-1), lines.length], ["gone", 2]);
  }));

test("a socket that was let go is not listened to", () =>
  withLines(({ stream, heard, lines }) => {
    stream.connect();
    stream.now();
    lines[0].onmessage({ data: "{}" });
    lines[0].drop();
    equal([heard, lines.length], [[], 2]);
  }));
