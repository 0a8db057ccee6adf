// What screen readers are told: finished sentences, not tokens, and none of them twice.
const SENTENCES = /^[\s\S]*[.!?…](?=\s|$)/;

export class Speech {
  constructor(place) {
    this.place = place;
    this.begin(null);
  }

  begin(id) {
    Object.assign(this, { id, heard: 0, waiting: "" });
  }

  /** Text of an answer; `offset`: characters before it. After a reconnect all of it comes again. */
  add(id, text, offset) {
    if (id !== this.id) this.begin(id);
    const fresh = text.slice(Math.max(0, this.heard - offset));
    this.heard = Math.max(this.heard, offset + text.length);
    this.waiting += fresh;
    const found = fresh && SENTENCES.exec(this.waiting);
    if (!found) return;
    this.waiting = this.waiting.slice(found[0].length);
    this.say(found[0]);
  }

  end(id) {
    if (id !== this.id) return;
    this.say(this.waiting);
    this.waiting = "";
  }

  say(text) {
    if (text.trim()) this.place.textContent = text.trim();
  }
}
