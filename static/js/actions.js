// When each action can be taken, and the reason why it cannot. The same rules as
// visualizer/views/buttons.py; tests/data/twins/actions.json has cases for both.

const BLOCKERS = {
  run: ["offline", "running", "complete"],
  forward_pass: ["offline", "running", "complete"],
  auto_select: ["offline", "running", "complete", "no_pass"],
  apply_selection: ["offline", "running", "none_staged"],
  stop: ["offline", "idle"],
  run_again: ["offline", "running", "no_run"],
  compare: ["offline", "running", "complete", "no_pass"],
};

const HOLDS = {
  read_only: (now) => now.readOnly,
  offline: (now) => !now.online,
  running: (now) => now.running,
  complete: (now) => now.masked === 0,
  no_pass: (now) => !now.hasPass,
  no_run: (now) => !now.hasRun,
  none_staged: (now) => now.staged === 0,
  idle: (now) => !now.running,
};

/** Name of the reason why an action cannot be taken now; "" if it can. */
export function blockerOf(name, now) {
  const blockers = ["read_only", ...(BLOCKERS[name] ?? ["offline"])];
  return blockers.find((blocker) => HOLDS[blocker](now)) ?? "";
}
