// What a first question waits for: the model's state, asked for while the answer is on its way.
import { at } from "../addresses.js";
import { getJson } from "../requests.js";

const SOON = 400; // milliseconds after which a question counts as one that waits
const EVERY = 1000;

const pause = (time) => new Promise((done) => setTimeout(done, time));

/** {state, words} of a model of the drawer. */
export const modelState = (slug) => getJson(at(`/playground/drawer/${slug}/`));

export class Loading {
  /** `changed()` after `words` have changed; "" while nothing is waited for. */
  constructor(changed, { state = modelState, wait = pause } = {}) {
    Object.assign(this, { changed, state, wait, words: "", question: null });
  }

  /** Tell of the model until the question is answered, or another one is asked. */
  async during(slug, question) {
    this.question = question;
    const over = () => this.over(question);
    question.then(over, over);
    await this.wait(SOON);
    while (this.question === question) {
      const told = await this.state(slug).catch(() => null); // it is asked again
      if (this.question === question && told) this.say(told.words);
      await this.wait(EVERY);
    }
  }

  over(question) {
    if (this.question !== question) return;
    this.question = null;
    this.say("");
  }

  say(words) {
    if (words === this.words) return;
    this.words = words;
    this.changed();
  }
}

const late = ({ name, error_type: type }) => name === "TimeoutError" || type === "timeout";
const COMES = ["available", "loading"];

/** Asks again for as long as an answer is late because its model is still being loaded. */
export async function patiently(ask, slug, state = modelState) {
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      if (!late(error)) throw error;
      const told = await state(slug).catch(() => ({}));
      if (!COMES.includes(told.state)) throw error;
    }
  }
}
