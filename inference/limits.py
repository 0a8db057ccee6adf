"""The one table of limits: validation, forms, page and docs are made from it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limit:
    """An inclusive range with its default (None: no default, or decided by the model)."""

    name: str
    low: float
    high: float
    default: float | None
    unit: str
    meaning: str
    integer: bool = True


_ROWS = (
    Limit("gen_length", 1, 1024, 128, "tokens", "masks after the prompt"),
    Limit("block_length", 1, 1024, None, "tokens", "block size; the whole canvas if not given"),
    Limit("tokens_to_select", 1, 1024, 1, "tokens", "positions taken by one automatic selection"),
    Limit("visual_top_k", 1, 100, 20, "candidates", "candidates shown for a position"),
    Limit("actual_top_k", 1, 50_000, 10, "candidates", "candidates that may be selected"),
    Limit("top_k", 1, 50_000, 10, "candidates", "candidates of tokenize_and_forward"),
    Limit("top_p", 0.01, 1.0, 1.0, "probability", "nucleus that may be selected", False),
    Limit("softmax_temperature", 0.1, 10.0, 1.0, "", "divides the logits before softmax", False),
    Limit("gumbel_temperature", 0.0, 2.0, 0.0, "", "strength of the Gumbel noise", False),
    Limit("step", 0, 1_000_000, None, "steps", "number of a step; 0 is the start"),
    Limit("position", 0, 65_535, None, "", "index into the canvas"),
    Limit("token_id", 0, 2_000_000, None, "", "id in the model's vocabulary"),
    Limit("seed", 0, 2**63 - 1, 0, "", "seed of the session's random numbers"),
    Limit("prompt", 0, 65_536, None, "characters", "length of a prompt"),
    Limit("selections", 1, 1024, None, "positions", "selections applied at once"),
    Limit("request_id", 1, 64, None, "characters", "a client's own name for a command"),
    Limit("event_number", 0, 2**53 - 1, 0, "", "the last event that a client saw"),
)
LIMITS: dict[str, Limit] = {row.name: row for row in _ROWS}

MESSAGE_BYTES = 10 * 1024 * 1024
"""Largest message of the JSON protocol in either direction."""
BODY_BYTES = 16 * 1024 * 1024
"""Largest HTTP request body."""
MESSAGE_DEPTH = 32
"""Deepest nesting of a JSON message."""
SLICE_SECONDS = 2.0
"""A run is worked in slices of at most this long, so that others get their turn."""
