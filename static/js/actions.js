// The buttons of the cycle: enabled in order, each with the reason why it cannot act. The rules
// are those of visualizer/views/buttons.py; the reasons come with the page.
import { put, write } from "./dom.js";

const BLOCKERS = {
  run: ["offline", "running", "complete"],
  forward_pass: ["offline", "running", "complete"],
  auto_select: ["offline", "running", "complete", "no_pass"],
  apply_selection: ["offline", "running", "none_staged"],
  stop: ["offline", "idle"],
  compare: ["offline", "running", "complete", "no_pass"],
};

const HOLDS = {
  read_only: (now) => now.readOnly,
  offline: (now) => !now.online,
  running: (now) => now.running,
  complete: (now) => now.masked === 0,
  no_pass: (now) => !now.hasPass,
  none_staged: (now) => now.staged === 0,
  idle: (now) => !now.running,
};

const reasons = JSON.parse(document.querySelector("#reasons").textContent);
const buttons = [...document.querySelectorAll("[data-action]")];

/** The reason why an action cannot be taken now; "" if it can. */
export function reasonAgainst(name, now) {
  const blocker = ["read_only", ...(BLOCKERS[name] ?? ["offline"])].find((rule) => HOLDS[rule](now));
  return blocker ? reasons[blocker] : "";
}

export function drawButtons(now, busy) {
  for (const button of buttons) {
    const name = button.dataset.action;
    const reason = reasonAgainst(name, now);
    button.classList.toggle("is-busy", busy.has(name));
    put(button, "title", reason || button.dataset.title);
    const why = document.getElementById(button.getAttribute("aria-describedby"));
    write(why, reason);
    if (reason) put(button, "aria-disabled", "true");
    else button.removeAttribute("aria-disabled");
  }
}
