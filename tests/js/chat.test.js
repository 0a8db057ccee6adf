// The parts of a conversation's page: answers in the making, the line of turns, the socket, speech.
import { AnswerState, stateAfter } from "/static/js/playground/answer_state.js";
import { Cells, LiveAnswers } from "/static/js/playground/live.js";
import { merge, reconcile } from "/static/js/playground/line.js";
import { Speech } from "/static/js/playground/speech.js";
import { Watch } from "/static/js/playground/watch.js";
import { equal, test } from "./harness.js";

const frames = () =>
  new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
const html = (text) => {
  const holder = document.createElement("template");
  holder.innerHTML = text;
  return holder.content.firstElementChild;
};
const token = (text, offset, id = 1) => ({ type: "token", message_id: id, token: text, offset });
const labels = (state) => state.cells.map((cell) => (cell.masked ? "_" : cell.label)).join("");
const CANVAS = ["a", "b", "_", "_", "_"];
const first = { type: "draft", message_id: 1, canvas: CANVAS, prompt_length: 2, ops: [] };
const commit = (slot, label) => ({ type: "draft", ops: [{ op: "commit", slot, label }] });

test("text grows, and what comes twice is there once", () => {
  const state = new AnswerState("So ");
  for (const frame of [token("it", 3), token(" was", 5), token("it was", 3), token(".", 9)])
    state.hear(frame);
  equal(state.text, "So it was.");
});

test("a canvas is the fold of its drafts", () => {
  const state = new AnswerState();
  state.hear(first);
  equal([labels(state), state.count, state.most], ["___", 0, 3]);
  state.hear(commit(3, "x"));
  equal(labels(state), "_x_");
  state.draft({ ops: [{ op: "insert", slot: 3, new: [9, 10] }] });
  state.draft({ ops: [{ op: "insert", slot: 1, new: [8] }] });
  equal(labels(state), "__x___");
  state.hear(commit(9, "y"));
  state.draft({
    ops: [
      { op: "edit", slot: 3, label: "z" },
      { op: "delete", slot: 10 },
    ],
  });
  equal([labels(state), state.count], ["__zy_", 2]);
  state.draft({
    ops: [
      { op: "remask", slot: 9 },
      { op: "lock", slot: 3 },
    ],
  });
  equal(labels(state), "__z__");
});

test("any step of an answer can be looked at", () => {
  const drafts = [first, commit(4, "z"), commit(2, "x"), commit(3, "y")];
  equal(labels(stateAfter(drafts, 2)), "__z");
  equal(labels(stateAfter(drafts, 4)), "xyz");
  equal(stateAfter(drafts, 0).cells, null);
});

test("cells that stand are not written again", () => {
  const place = html("<p></p>");
  const cells = new Cells(place);
  const state = stateAfter([first], 1);
  cells.draw(state.cells);
  const before = [...place.children];
  state.draft(commit(3, "x"));
  cells.draw(state.cells);
  equal(
    [...place.children].map((one, at) => one === before[at]),
    [true, true, true],
  );
  equal(place.textContent, "░x░");
  equal(before[1].className, "fresh");
  cells.draw(stateAfter([first, { ops: [{ op: "delete", slot: 3 }] }], 2).cells);
  equal(place.textContent, "░░");
});

const TURN = `<article class="turn"><span class="live-text"></span>
  <span class="live-cells"></span><span data-count></span></article>`;

test("many tokens of a frame are one drawing, and a later bubble shows all of them", async () => {
  let drawn = 0;
  const live = new LiveAnswers(() => {
    drawn += 1;
  });
  const turn = html(TURN);
  document.body.append(turn);
  live.begin(1, "");
  live.show(1, turn);
  for (let n = 0; n < 100; n++) live.hear(token("ab", 2 * n));
  equal(drawn, 0);
  await frames();
  equal(drawn, 1);
  equal(turn.querySelector(".live-text").textContent, "ab".repeat(100));
  const node = turn.querySelector(".live-text").firstChild;
  live.hear(token("c", 200));
  await frames();
  equal(turn.querySelector(".live-text").firstChild === node, true);
  const later = html(TURN);
  live.show(1, later);
  await frames();
  equal(later.querySelector(".live-text").textContent, `${"ab".repeat(100)}c`);
  live.end(1);
  equal([live.states.size, live.views.size], [0, 0]);
});

test("of a long canvas only what stands is kept", () => {
  const live = new LiveAnswers(() => {});
  live.hear(first);
  for (let n = 0; n < 1000; n++) live.hear({ ...commit(2 + (n % 3), `${n}`), message_id: 1 });
  equal(JSON.stringify([...live.states.values()]).length < 400, true);
});

test("nodes that are in order are not moved", () => {
  const parent = html("<div><i id=a></i><i id=b></i><i id=c></i></div>");
  const [a, , c] = parent.children;
  const moved = [];
  const insert = parent.insertBefore.bind(parent);
  parent.insertBefore = (node, at) => {
    moved.push(node.id);
    return insert(node, at);
  };
  reconcile(parent, [a, html("<i id=d></i>"), c]);
  equal([...parent.children].map((one) => one.id).join(""), "adc");
  equal(moved, ["d"]);
});

const turn = (id, key = "k") =>
  `<article class="turn" id="turn-${id}" data-message="${id}" data-key="${key}"></article>`;
const line = (inside, head = 0, mark = "") =>
  html(`<div class="line" data-head="${head}" data-window="${mark}">${inside}</div>`);
const OLDER = '<a class="older" data-older="1"></a>';
const MARK = "<p data-mark></p>";
const shape = (root) => [...root.children].map((one) => one.id || one.tagName).join(" ");

test("a refreshed line keeps its turns, and the older ones that were loaded", () => {
  const root = line(OLDER + turn(1) + turn(2) + turn(3), 3);
  const [, one, two, three] = root.children;
  merge(root, line(OLDER + turn(2) + turn(3, "other") + turn(4), 4));
  equal(shape(root), "A turn-1 turn-2 turn-3 turn-4");
  equal([root.children[1] === one, root.children[2] === two], [true, true]);
  equal(root.children[3] === three, false);
  equal(
    [root.dataset.head, root.lastElementChild.dataset.last, two.dataset.last],
    ["4", "yes", "no"],
  );
});

test("another branch replaces what does not belong to it", () => {
  const root = line(turn(1) + turn(2) + turn(3), 3);
  merge(root, line(OLDER + turn(7) + turn(8), 8));
  equal(shape(root), "A turn-7 turn-8");
  merge(root, line(turn(7) + turn(9), 9));
  equal(shape(root), "turn-7 turn-9");
});

test("the mark of the window stands once, above the turn that it is about", () => {
  const root = line(turn(1) + turn(2) + turn(3), 3);
  merge(root, line(turn(1) + turn(2) + MARK + turn(3) + turn(4), 4, 3));
  equal(shape(root), "turn-1 turn-2 P turn-3 turn-4");
  merge(root, line(turn(3) + turn(4) + MARK + turn(5), 5, 5));
  equal(shape(root), "turn-1 turn-2 turn-3 turn-4 P turn-5");
  merge(root, line(turn(4) + turn(5), 5, ""));
  equal(shape(root), "turn-1 turn-2 turn-3 turn-4 turn-5");
});

test("screen readers hear whole sentences, each once", () => {
  const said = [];
  const speech = new Speech({
    set textContent(text) {
      said.push(text);
    },
  });
  speech.add(1, "It was", 0);
  equal(said, []);
  speech.add(1, " late. Rain fell. The", 6);
  equal(said, ["It was late. Rain fell."]);
  speech.add(1, "It was late. Rain fell. The", 0); // a reconnect tells all of it again
  speech.add(1, " end", 27);
  equal(said.length, 1);
  speech.end(1);
  equal(said[1], "The end");
  speech.add(2, "New. ", 0);
  equal(said[2], "New.");
});

/** Sockets that do what the test says. */
class FakeSocket {
  static made = [];
  constructor(address) {
    this.address = address;
    this.closed = false;
    FakeSocket.made.push(this);
  }
  tell(frame) {
    this.onmessage({ data: JSON.stringify(frame) });
  }
  close() {
    this.closed = true; // a dead line does not say that it has ended
  }
}
const wait = (ms) => new Promise((done) => setTimeout(done, ms));

async function watched(run, options) {
  const [real, states] = [window.WebSocket, []];
  window.WebSocket = FakeSocket;
  FakeSocket.made = [];
  const on = { states, onConnection: (name) => states.push(name) };
  const watch = new Watch("ws://x/", on, options);
  try {
    watch.open();
    await run(watch, on, states);
  } finally {
    watch.close();
    window.WebSocket = real;
  }
}

test("a silent line is left for another one, without waiting for its end", () =>
  watched(
    async (_, __, states) => {
      FakeSocket.made[0].tell({ type: "heartbeat" });
      await wait(20);
      FakeSocket.made[0].tell({ type: "heartbeat" });
      await wait(30);
      equal(FakeSocket.made.length, 1);
      while (FakeSocket.made.length < 2) await wait(5);
      equal(FakeSocket.made[0].closed, true);
      equal(states.slice(0, 4), ["connecting", "live", "waiting", "connecting"]);
      FakeSocket.made[0].onclose({ code: 1006 }); // late: it is no longer ours
      equal(FakeSocket.made.length, 2);
    },
    { silence: 45, first: 5 },
  ));

test("frames are told by what they are about", () =>
  watched(async (_, on) => {
    const heard = [];
    on.onToken = (...given) => heard.push(["token", ...given.slice(0, 3)]);
    on.onComplete = (frame) => heard.push(["done", frame.text]);
    on.onError = (frame) => heard.push(["error", frame.message]);
    const [socket] = FakeSocket.made;
    socket.tell({ type: "token", token: "a", token_count: 1, max_token_count: 9 });
    socket.tell({ type: "done", text: "a" });
    socket.tell({ type: "error", message: "No." });
    socket.tell({ type: "not yet invented" });
    equal(heard, [
      ["token", "a", 1, 9],
      ["done", "a"],
      ["error", "No."],
    ]);
  }));

test("refusals are not tried again, a lost line is, later each time", () =>
  watched(
    async (watch, _, states) => {
      for (const [number, pause] of [10, 20, 40].entries()) {
        FakeSocket.made[number].onclose({ code: 1006 });
        equal(watch.wait, pause);
        while (FakeSocket.made.length < number + 2) await wait(2);
      }
      FakeSocket.made[3].onclose({ code: 4404 });
      await wait(100);
      dispatchEvent(new Event("online"));
      equal([FakeSocket.made.length, states.at(-1)], [4, "gone"]);
    },
    { first: 10 },
  ));

test("the network's return is not waited for", () =>
  watched(async () => {
    FakeSocket.made[0].onclose({ code: 1006 });
    dispatchEvent(new Event("online"));
    equal(FakeSocket.made.length, 2);
  }));
