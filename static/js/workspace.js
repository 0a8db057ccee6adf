// The workspace: wires state, stream, cells, inspector, timeline, heat map and keys together.
import { Page } from "./page.js";
import { showConnection } from "./connection.js";
import { Stream } from "./stream.js";
import { listen } from "./keys.js";

const main = document.querySelector("main.workspace");
for (const element of document.querySelectorAll(".js-only")) element.hidden = false;

const snapshot = JSON.parse(document.querySelector("#snapshot").textContent);
const scheme = location.protocol === "https:" ? "wss" : "ws";
const page = new Page(main, snapshot);

const stream = new Stream(`${scheme}://${location.host}${main.dataset.socket}`, {
  frame: (frame) => page.frame(frame),
  html: (text) => window.htmx.swap(document.body, text, { swapStyle: "none" }),
  state: (name, detail) => {
    showConnection(name, detail, () => stream.now());
    page.connected(name === "live");
  },
}, () => page.state.number);

page.attach(stream);
listen(page);
page.draw();
stream.connect();
