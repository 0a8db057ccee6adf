"""The buttons of the cycle: when each can act, and what to do first when it cannot.

static/js/actions.js applies the same rules to the same reasons, which the page brings along.
"""

from __future__ import annotations

from dataclasses import dataclass

REASONS = {
    "read_only": "You are looking at a shared session.",
    "running": "A run is under way. Stop it first.",
    "complete": "Every position holds a token. Run again, go to an earlier step, or remask one.",
    "no_pass": "Run a forward pass first.",
    "no_run": "Nothing has been run yet. Press Run.",
    "none_staged": "Stage a token first: press Auto-select, or choose a candidate.",
    "idle": "Nothing is running.",
    "offline": "Not connected. The page reconnects by itself.",
}


@dataclass(frozen=True, slots=True)
class Situation:
    """What decides whether a button can act."""

    running: bool
    masked: int
    has_pass: bool
    staged: int
    read_only: bool = False


@dataclass(frozen=True, slots=True)
class Action:
    """One button of the cycle; `shown`: its key stands on it."""

    name: str
    label: str
    key: str
    title: str
    blockers: tuple[str, ...]
    icon: str = ""
    shown: bool = False


_BUSY = ("running", "complete")
_PASS = "Ask the model for its distribution at every mask (F)"
_STAGE = "Stage positions by the chosen strategy (A)"
_WRITE = "Write the staged tokens: one step (Ctrl+Enter)"
_STOP = "Stop after the step that is being made (Esc)"
ACTIONS = (
    Action("run", "Run", "R", "Unmask the rest step by step (R)", _BUSY, icon="play"),
    Action("forward_pass", "Forward pass", "F", _PASS, _BUSY, shown=True),
    Action("auto_select", "Auto-select", "A", _STAGE, (*_BUSY, "no_pass"), shown=True),
    Action("apply_selection", "Apply", "Control+Enter", _WRITE, ("running", "none_staged")),
    Action("stop", "Stop", "Escape", _STOP, ("idle",)),
)


def _holds(blocker: str, now: Situation) -> bool:
    return {
        "read_only": now.read_only,
        "running": now.running,
        "complete": now.masked == 0,
        "no_pass": not now.has_pass,
        "none_staged": now.staged == 0,
        "idle": not now.running,
    }[blocker]


def buttons(now: Situation) -> list[tuple[Action, str]]:
    """Each button with the reason why it cannot act ("" if it can)."""
    return [
        (action, next((REASONS[b] for b in ("read_only", *action.blockers) if _holds(b, now)), ""))
        for action in ACTIONS
    ]
