"""The buttons of the cycle: when each can act, and what to do first when it cannot.

static/js/actions.js applies the same rules to the same reasons, which the page brings along.
"""

from __future__ import annotations

from dataclasses import dataclass

REASONS = {
    "running": "A run is under way. Stop it first.",
    "complete": "Every position holds a token. Go back to an earlier step, or remask one.",
    "no_pass": "Run a forward pass first.",
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


@dataclass(frozen=True, slots=True)
class Action:
    """One button of the cycle."""

    name: str
    label: str
    key: str
    icon: str
    blockers: tuple[str, ...]
    title: str


ACTIONS = (
    Action("run", "Run", "R", "play", ("running", "complete"), "Unmask the rest step by step"),
    Action(
        "forward_pass",
        "Forward pass",
        "F",
        "",
        ("running", "complete"),
        "Ask the model for its distribution at every open position",
    ),
    Action(
        "auto_select",
        "Auto-select",
        "A",
        "",
        ("running", "complete", "no_pass"),
        "Stage positions by the chosen strategy",
    ),
    Action(
        "apply_selection",
        "Apply",
        "Enter",
        "",
        ("running", "none_staged"),
        "Write the staged tokens: one step",
    ),
    Action("stop", "Stop", "Esc", "", ("idle",), "Stop after the step that is being made"),
)


def _holds(blocker: str, now: Situation) -> bool:
    return {
        "running": now.running,
        "complete": now.masked == 0,
        "no_pass": not now.has_pass,
        "none_staged": now.staged == 0,
        "idle": not now.running,
    }[blocker]


def buttons(now: Situation) -> list[tuple[Action, str]]:
    """Each button with the reason why it cannot act ("" if it can)."""
    return [
        (action, next((REASONS[b] for b in action.blockers if _holds(b, now)), ""))
        for action in ACTIONS
    ]
