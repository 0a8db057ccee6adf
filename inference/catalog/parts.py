"""The parts of which recipes are made, and the orders of the JSON protocol's `auto_select`."""

from __future__ import annotations

from inference.catalog.entry import Entry

_DECODING = "inference.engine.decoding"


def _part(kind: str, name: str, label: str, sentence: str) -> Entry:
    return Entry(label, f"{_DECODING}.{kind}.{name}", sentence)


SCORES: dict[str, Entry] = {
    "probability": _part("scores", "probability", "Probability", "Of the drawn token."),
    "margin": _part("scores", "margin", "Margin", "Lead of the best token over the second."),
    "certainty": _part("scores", "certainty", "Certainty", "Minus the filtered entropy."),
    "plain_certainty": _part(
        "scores", "plain_certainty", "Plain certainty", "Minus the entropy before any filter."
    ),
    "uncertainty": _part("scores", "uncertainty", "Uncertainty", "The entropy."),
    "confidence": _part("scores", "confidence", "Confidence", "Probability of the best token."),
    "doubt": _part("scores", "doubt", "Doubt", "Minus the probability of the best token."),
    "chance": _part("scores", "chance", "Chance", "A random number."),
    "order": _part("scores", "order", "Order", "Left to right."),
}
QUOTAS: dict[str, Entry] = {
    "schedule": _part("quotas", "schedule", "Equal share", "Open places over steps left."),
    "fixed": _part("quotas", "fixed", "Fixed number", "So many tokens each step."),
    "threshold": _part("quotas", "threshold", "Threshold", "All whose score reaches it."),
    "factor": _part("quotas", "factor", "Factor", "The n best while surer than 1 - f/(n+1)."),
    "entropy_bound": _part(
        "quotas", "entropy_bound", "Entropy bound", "As many as their entropies allow."
    ),
    "timetable": _part("quotas", "timetable", "Timetable", "The share that is due in the step."),
    "flips": _part("quotas", "flips", "Coin flips", "Each place with the share that is due."),
    "confident_or_quota": _part(
        "quotas", "confident_or_quota", "Threshold or share", "All above it, else the share."
    ),
    "stable": _part("rules.klass", "stable", "Stability", "Confident and no longer moving."),
    "draft": _part("rules.wino", "draft", "Draft", "All above a low threshold."),
    "ancestral": _part("rules.remdm", "ancestral", "Ancestral", "By the reverse process of ReMDM."),
}
DRAWS: dict[str, Entry] = {
    "sample": _part("draws", "sample", "Plain", "Temperature shapes the draw, not the confidence."),
    "filtered": _part("draws", "filtered", "Filtered", "Temperature, top-p and top-k shape both."),
}

RANKINGS: dict[str, Entry] = {
    "low_confidence": Entry(
        "Least confident first",
        f"{_DECODING}.rankings.low_confidence",
        "Takes the positions whose best token has the lowest probability.",
    ),
    "high_confidence": Entry(
        "Most confident first",
        f"{_DECODING}.rankings.high_confidence",
        "Takes the positions whose best token has the highest probability.",
    ),
    "low_entropy": Entry(
        "Most certain first",
        f"{_DECODING}.rankings.low_entropy",
        "Takes the positions whose distribution has the lowest entropy.",
    ),
    "high_entropy": Entry(
        "Most uncertain first",
        f"{_DECODING}.rankings.high_entropy",
        "Takes the positions whose distribution has the highest entropy.",
    ),
    "random": Entry(
        "Random order",
        f"{_DECODING}.rankings.random",
        "Takes positions in an order drawn from the session's seed.",
    ),
}
