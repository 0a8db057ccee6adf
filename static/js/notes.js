// Notes: that of the shown step, the list of all along the path, and the form that writes one.
import { $, element, put, write } from "./dom.js";
import { notesOf } from "./state.js";

export class Notes {
  constructor(page) {
    Object.assign(this, { page, text: $("#note-text"), list: $("#note-list") });
    this.list.addEventListener("click", (event) => this.clicked(event));
  }

  draw(state, shown) {
    const notes = notesOf(state);
    const own = notes.find((note) => note.number === shown)?.text ?? "";
    write($("#step-note"), own);
    $("#step-note").hidden = !own;
    const lesson = $("#notes-lesson");
    lesson.hidden = notes.length === 0;
    put($("a", lesson), "href", `${this.page.address}lesson/?branch=${state.path}`);
    this.fill(state, shown, own);
    const key = notes.map(({ number, text }) => `${number}:${text}`).join("\n");
    if (key === this.drawn) return;
    this.drawn = key;
    this.list.replaceChildren(...notes.map((note) => this.row(state, note)));
  }

  /** What is being written stays; another step, or another text there, is shown. */
  fill(state, shown, own) {
    if (!this.text) return;
    const key = `${state.path}:${shown}:${own}`;
    if (key === this.filled) return;
    this.filled = key;
    this.text.value = own;
    write($("#note-step"), String(shown));
  }

  row(state, { number, text }) {
    const item = element("li");
    const link = element("a", `Step ${number}`);
    link.href = `?branch=${state.path}&step=${number}`;
    link.dataset.step = number;
    item.append(link, element("span", ` ${text}`, "note-words"));
    return item;
  }

  clicked(event) {
    const link = event.target.closest("a");
    if (!link || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    this.page.show(Number(link.dataset.step));
  }

  /** Keep what the form says as the note of the shown step. */
  save(text) {
    const { commands, state, shown } = this.page;
    return commands.send({ type: "note", branch: state.path, step: shown, text });
  }
}
