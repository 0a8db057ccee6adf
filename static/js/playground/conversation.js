// A conversation's page. The server renders every turn; this listens, shows answers while they are
// made, sends the forms without leaving the page, and fetches turns that have changed.
import { toast } from "../toasts.js";
import { LiveAnswer } from "./live.js";
import { Scroll } from "./scroll.js";
import { Speech } from "./speech.js";
import { watchConversation } from "./watch.js";

const main = document.querySelector("main[data-conversation]");
const line = document.querySelector("#line");
const composer = document.querySelector("#composer");
const input = document.querySelector("#id_message");
const scroll = new Scroll(line, document.querySelector("#to-end"));
const speech = new Speech(document.querySelector("#chat-said"));
const live = new Map();
const LIGHTS = {
  connecting: ["busy", "Connecting"],
  live: ["good", "Live"],
  waiting: ["warn", "Reconnecting"],
  gone: ["bad", "Gone"],
};

const turnOf = (id) => document.querySelector(`#turn-${id}`);
const shownHead = () => Number(line.querySelector(".line")?.dataset.head);
const isWriting = () => Boolean(line.querySelector("[data-live]"));

async function part(path) {
  const answer = await fetch(main.dataset.base + path, { headers: { Accept: "text/html" } });
  if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
  const holder = document.createElement("template");
  holder.innerHTML = await answer.text();
  return holder.content;
}

// One refresh at a time; what came meanwhile is seen by another one after it.
let refreshing = null,
  again = false;
function refreshLine() {
  again = true;
  refreshing ??= (async () => {
    while (again) {
      again = false;
      const fresh = await part("line/");
      line.replaceChildren(fresh);
      adopt();
    }
  })()
    .catch((error) =>
      toast("error", `The conversation could not be read: ${error.message}. Reload the page.`),
    )
    .finally(() => {
      refreshing = null;
    });
  return refreshing;
}

async function refreshTurn(id) {
  const fresh = await part(`turn/${id}/`);
  const old = turnOf(id);
  if (!old) return;
  old.replaceWith(fresh);
  live.delete(id);
  adopt();
}

/** After new HTML: buttons that need scripts, answers in the making, what the composer may do. */
function adopt() {
  for (const one of line.querySelectorAll(".js-only[hidden]")) one.hidden = false;
  for (const bubble of line.querySelectorAll("[data-live]")) {
    const turn = bubble.closest(".turn");
    const id = Number(turn.dataset.message);
    if (live.get(id)?.turn !== turn) replay(id, new LiveAnswer(turn));
  }
  for (const code of line.querySelectorAll(".bubble pre:not([data-code])")) addCopy(code);
  const busy = isWriting();
  if (!composer) return scroll.follow();
  document.querySelector("#busy-rule").hidden = !busy;
  document.querySelector("#send").setAttribute("aria-disabled", String(busy));
  scroll.follow();
}

// What has been told of an answer, so that a bubble that is drawn later shows all of it.
const told = new Map();
function replay(id, answer) {
  live.set(id, answer);
  for (const frame of told.get(id) ?? []) apply(answer, frame);
}

function apply(answer, frame) {
  if (frame.type === "token") answer.token(frame.token, frame.offset);
  else answer.draft(frame);
  answer.count(frame.token_count, frame.max_token_count);
}

function hear(frame) {
  const id = frame.message_id;
  if (frame.type === "draft" && frame.canvas) told.set(id, []);
  if (!told.has(id)) told.set(id, []);
  told.get(id).push(frame);
  const answer = live.get(id);
  if (answer) {
    apply(answer, frame);
    scroll.follow();
  }
}

function addCopy(code) {
  code.dataset.code = "";
  const button = document.createElement("button");
  button.type = "button";
  button.className = "btn btn-quiet btn-small code-copy";
  button.textContent = "Copy code";
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

function settle(frame) {
  told.delete(frame.message_id);
  speech.end();
  refreshTurn(frame.message_id)
    .then(refreshLine)
    .catch(() => refreshLine());
}

watchConversation(main.dataset.socket, {
  onConnection: (name) => {
    const pill = document.querySelector("#chat-connection");
    [pill.dataset.state, pill.textContent] = LIGHTS[name];
    pill.dataset.connection = name;
    pill.hidden = false;
    if (name === "gone") toast("error", "This conversation is no longer there.");
  },
  onConversation: (frame) => {
    told.clear();
    const fresh = frame.messages.at(-1);
    const turn = fresh && turnOf(fresh.id);
    if (fresh && (shownHead() !== fresh.id || turn?.dataset.status !== fresh.status)) refreshLine();
    else adopt();
  },
  onMessage: (message) => {
    const turn = turnOf(message.id);
    if (turn && turn.dataset.status === message.status) return;
    if (message.status === "writing" || !turn) refreshLine();
    else if (message.status !== "queued") refreshTurn(message.id).then(refreshLine);
  },
  onChanged: (conversation) => {
    document.querySelector("#chat-title").textContent = conversation.title;
    document.title = `${conversation.title} · Unmask`;
    if (conversation.head !== shownHead()) refreshLine();
  },
  onToken: (token, _count, _most, frame) => {
    speech.add(token);
    hear(frame);
  },
  onDraft: hear,
  onComplete: settle,
  onError: (frame) => {
    if (frame.message_id) settle(frame);
    else toast("error", frame.message);
  },
});

async function carryOut(form, submitter) {
  const body = new FormData(form, submitter);
  const answer = await fetch(form.action, {
    method: "POST",
    body,
    headers: { Accept: "application/json" },
  });
  const reply = await answer.json();
  if (!answer.ok) throw reply;
  return reply;
}

async function submit(event) {
  const form = event.target.closest("form[data-do]");
  if (!form) return;
  event.preventDefault();
  try {
    if (form === composer) scroll.hold();
    await carryOut(form, event.submitter);
    if (form === composer) {
      input.value = "";
      input.focus();
    }
    await refreshLine();
  } catch (error) {
    toast("error", error.message ?? "The server could not be reached. Try again.");
  }
}

function keys(event) {
  if (event.target === input && event.key === "Enter" && !event.shiftKey && !event.isComposing) {
    event.preventDefault();
    if (input.value.trim()) composer.requestSubmit(document.querySelector("#send"));
  } else if (event.key === "Escape" && isWriting()) {
    line.querySelector("[data-stop]")?.click();
  }
}

// The tokens of an answer, and what else each might have been, are fetched when they are wanted.
async function openTokens(event) {
  const box = event.target.closest?.("[data-tokens]");
  if (!box?.open || box.dataset.filled) return;
  box.dataset.filled = "yes";
  box.querySelector("[data-place]").replaceChildren(await part(box.dataset.tokens));
}

async function offer(token) {
  const box = token.closest("[data-tokens]");
  const fresh = await part(`${box.dataset.tokens}?number=${token.dataset.number}`);
  box.querySelector("[data-alternatives]").replaceChildren(fresh);
}

async function click(event) {
  const token = event.target.closest("[data-number]");
  if (token) await offer(token);
  const older = event.target.closest("[data-older]");
  if (event.target.closest("[data-copy]")) {
    copy(event.target.closest(".turn").querySelector("[data-raw]").dataset.raw);
  } else if (older) {
    event.preventDefault();
    const height = line.scrollHeight;
    const fresh = await part(`line/?before=${older.dataset.older}`);
    fresh.querySelector(".meter")?.remove();
    older.replaceWith(...fresh.querySelector(".line").children);
    line.scrollTop += line.scrollHeight - height;
    adopt();
  }
}

document.addEventListener("submit", submit);
document.addEventListener("keydown", keys);
line.addEventListener("click", click);
line.addEventListener("toggle", openTokens, true);
adopt();
scroll.hold();
