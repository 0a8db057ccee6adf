"""How much fits into one message."""

from __future__ import annotations

from inference.limits import MESSAGE_BYTES

CANDIDATE_BYTES = 140
"""What a candidate takes on the wire, with room for a long token."""
POSITION_BYTES = 260
RAW_BYTES = 30
ROOM = MESSAGE_BYTES - 2**18
"""What the positions of a message may take; the rest of it needs little."""


def most_candidates(positions: int, wanted: int) -> int:
    """How many candidates of each of so many positions fit into one message, `wanted` at most."""
    room = ROOM // max(1, positions) - POSITION_BYTES
    return max(1, min(wanted, room // CANDIDATE_BYTES))


def most_positions(candidates: int, raw: int = 0) -> int:
    """How many positions fit, with so many candidates and raw logits each."""
    size = POSITION_BYTES + CANDIDATE_BYTES * candidates + RAW_BYTES * raw
    return max(1, ROOM // size)
