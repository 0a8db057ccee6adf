// The workspace: wires state, stream, cells, inspector, timeline, heat map and keys together.
import { Connection } from "./connection.js";
import { $, element, showScripted } from "./dom.js";
import { listen } from "./keys.js";
import { Page } from "./page.js";
import { getJson } from "./requests.js";
import { Stream } from "./stream.js";

/** The step to begin with: a page that was drawn at the head stays there if the head has gone on
 * since then. `drawn`: "branch:step" of the head when the server drew the page. */
export function firstStep({ snapshot, head }, drawn) {
  const { branch, number } = snapshot.head;
  const atHead = drawn === `${branch}:${number}`;
  return atHead && head.branch === branch ? head.number : number;
}

/** Without the copy of the session the page works as it does without JavaScript. */
function failed(error) {
  const again = element("button", "Try again", "btn btn-small");
  again.type = "button";
  again.addEventListener("click", () => location.reload());
  $("#banner").replaceChildren(`The session could not be read: ${error.message}. `, again);
}

function begin(main, told) {
  const page = new Page(main, told, firstStep(told, main.dataset.head));
  showScripted();
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
  const stream = new Stream(address, on, () => page.since);
  page.attach(stream);
  listen(page);
  page.draw();
  stream.connect();
}

export async function openWorkspace() {
  const main = $("main.workspace");
  try {
    begin(main, await getJson(main.dataset.snapshot));
  } catch (error) {
    if (error.name !== "RequestError") throw error;
    failed(error);
  }
}
