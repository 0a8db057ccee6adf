// What screen readers are told: finished sentences, not tokens.
const SENTENCE = /^[\s\S]*?[.!?…](?=\s|$)/;

export class Speech {
  constructor(place) {
    this.place = place;
    this.waiting = "";
  }

  add(text) {
    this.waiting += text;
    for (let found = SENTENCE.exec(this.waiting); found; found = SENTENCE.exec(this.waiting)) {
      this.say(found[0]);
      this.waiting = this.waiting.slice(found[0].length);
      if (!found[0].trim()) return;
    }
  }

  end() {
    this.say(this.waiting);
    this.waiting = "";
  }

  say(text) {
    if (text.trim()) this.place.textContent = text.trim();
  }
}
