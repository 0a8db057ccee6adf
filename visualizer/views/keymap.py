"""The keys of the workspace, as the help dialog lists them; static/js/keys.js obeys them."""

from __future__ import annotations

KEYMAP: tuple[tuple[tuple[str, ...], str], ...] = (
    (("F",), "Forward pass"),
    (("A",), "Auto-select"),
    (("Ctrl", "Enter"), "Apply what is staged; run if nothing is"),
    (("R",), "Run to the end"),
    (("Esc",), "Close a dialog, else stop the run"),
    (("←", "→", "↑", "↓"), "Move between tokens (Home, End too)"),
    (("Enter",), "Go to the candidates of the chosen token"),
    (("1", "…", "9"), "Stage the n-th candidate"),
    (("U",), "Take the chosen position back from the staged ones"),
    (("M",), "Remask the chosen token"),
    (("L",), "Lock or unlock the chosen token"),
    (("[", "]"), "One step back, one step forward"),
    (("{", "}"), "First step, last step"),
    (("Space",), "Replay and pause"),
    (("B",), "Branch from the shown step"),
    (("C",), "Compare with the parent branch"),
    (("H",), "Next plot: order of unmasking, steps as a table"),
    (("Alt", "."), "Stage the next candidate (Alt , the previous one)"),
    (("Ctrl", "Z"), "Undo staging (Ctrl Shift Z: redo)"),
    (("Alt", "←", "→"), "Parent branch, newest child (↑ ↓: siblings)"),
    (("V",), "Next view: cells, text, overview, table"),
    (("?",), "This list"),
)
