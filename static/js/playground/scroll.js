// Keeps the newest in sight while one looks at it, and lets go when one scrolls up.
const NEAR = 80;

export class Scroll {
  constructor(box, button) {
    this.box = box;
    this.button = button;
    this.held = true;
    box.addEventListener(
      "scroll",
      () => {
        this.held = box.scrollHeight - box.scrollTop - box.clientHeight < NEAR;
        button.hidden = this.held;
      },
      { passive: true },
    );
    button.addEventListener("click", () => this.hold());
  }

  hold() {
    this.held = true;
    this.follow();
  }

  /** Once a frame at most. */
  follow() {
    if (!this.held || this.waiting) return;
    this.waiting = requestAnimationFrame(() => {
      this.waiting = 0;
      this.box.scrollTop = this.box.scrollHeight;
    });
  }
}
