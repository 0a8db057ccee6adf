// The workspace: wires state, stream, cells, inspector, timeline, heat map and keys together.
import { Connection } from "./connection.js";
import { $, data, showScripted } from "./dom.js";
import { listen } from "./keys.js";
import { Page } from "./page.js";
import { Stream } from "./stream.js";

export function openWorkspace() {
  const main = $("main.workspace");
  showScripted();
  const page = new Page(main, data("snapshot"));
  const connection = new Connection(() => stream.now());
  const scheme = location.protocol === "https:" ? "wss" : "ws";
  const on = {
    frame: (frame) => page.updates.frame(frame),
    html: (text) => window.htmx.swap(document.body, text, { swapStyle: "none" }),
    state: (name, detail) => {
      connection.show(name, detail);
      page.connected(name === "live");
    },
  };
  const address = `${scheme}://${location.host}${main.dataset.socket}`;
  const stream = new Stream(address, on, () => page.state.number);
  page.attach(stream);
  listen(page);
  page.draw();
  stream.connect();
}
