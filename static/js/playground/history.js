// Histories: the tree is kept on the server when it has come to rest; kept ones are listed, opened,
// downloaded, brought in, deleted.
import { element } from "../dom.js";
import { toast } from "../toasts.js";
import { drawingOf } from "./drawer_controls.js";
import { ask, failureWords, TREES } from "./next_token.js";
import { TokenTree } from "./token_tree.js";

const REST = 1500; // milliseconds without a new token after which the tree is kept

export class History {
  constructor(drawer, root) {
    Object.assign(this, { drawer, root });
    this.list = root.querySelector("[data-trees]");
    this.note = drawer.root.querySelector("[data-kept]");
    this.file = root.querySelector("[data-record]");
    root.addEventListener("toggle", () => root.open && this.read());
    root.addEventListener("click", (event) => this.clicked(event.target.closest("[data-do]")));
    this.file.addEventListener("change", () => this.bring());
  }

  /** Something was tried: it is kept when nothing more comes. */
  changed() {
    clearTimeout(this.soon);
    this.soon = setTimeout(() => this.keep(), REST);
  }

  async keep() {
    const { drawer } = this;
    const { tree, model } = drawer.main;
    if (drawer.playing || tree.nodes.length < 2 || tree.keeping) return;
    if (tree.kept?.version === tree.version && tree.kept.at === tree.at) return;
    const kept = { version: tree.version, at: tree.at };
    tree.keeping = true;
    try {
      const told = await ask(TREES, {
        body: tree.message(model.value, drawingOf(drawer.settings)),
      });
      Object.assign(tree, { id: told.tree.id, kept });
      this.note.textContent = `Kept: ${tree.nodes.length - 1} tokens, ${tree.leaves} lines`;
      if (this.root.open) await this.read();
    } catch (error) {
      this.note.textContent = `Not kept: ${failureWords(error).text}`;
    } finally {
      tree.keeping = false;
    }
    if (tree.version !== kept.version) this.changed();
  }

  async guard(work) {
    try {
      return await work();
    } catch (error) {
      toast("error", failureWords(error).text);
      return null;
    }
  }

  async read() {
    const told = await this.guard(() => ask(TREES, { method: "GET" }));
    if (!told) return;
    this.list.replaceChildren(...told.trees.map(row));
    if (!told.trees.length) this.list.append(element("li", "Nothing is kept yet.", "small muted"));
  }

  clicked(button) {
    if (!button) return;
    const acts = {
      open: () => this.open(button.dataset.id),
      delete: () => this.remove(button.dataset.id),
      bring: () => this.file.click(),
    };
    acts[button.dataset.do]();
  }

  async open(id) {
    const kept = await this.guard(() => ask(`${TREES}/${id}`, { method: "GET" }));
    if (!kept) return;
    const tree = TokenTree.from(kept);
    tree.kept = { version: tree.version, at: tree.at };
    this.drawer.load(kept, tree);
  }

  async remove(id) {
    await this.guard(() => ask(`${TREES}/${id}`, { method: "DELETE" }));
    if (this.drawer.main.tree.id === id) this.drawer.main.tree.id = null;
    await this.read();
  }

  async bring() {
    const [file] = this.file.files;
    this.file.value = "";
    if (!file) return;
    const told = await this.guard(async () => ask(`${TREES}/import`, { body: await file.text() }));
    if (!told) return;
    toast("good", "The record is a history of yours now.");
    await this.read();
  }
}

function row({ id, text, size, model_label: label }) {
  const made = element("li");
  const open = element("button", text, "btn btn-quiet btn-small kept");
  const away = element("button", "×", "btn btn-quiet btn-icon btn-small");
  const record = element("a", "Record", "small");
  Object.assign(open.dataset, { do: "open", id });
  Object.assign(away.dataset, { do: "delete", id });
  away.setAttribute("aria-label", `Delete the history of ${text}`);
  record.href = `${TREES}/${id}/record`;
  record.setAttribute("aria-label", `Download the record of ${text}`);
  for (const button of [open, away]) button.type = "button";
  made.append(open, element("span", `${size} tokens, ${label}`, "small muted about"), record, away);
  return made;
}
