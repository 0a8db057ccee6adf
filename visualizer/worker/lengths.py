"""How many masks may follow a prompt: the limits table, and the room in the model's context."""

from __future__ import annotations

from inference.errors import UnmaskError
from inference.limits import LIMITS


def gen_length_within(
    wanted: int | None, prompt: int, context: int, field: str = "gen_length"
) -> int:
    """The length in tokens; without a wish 128, or the room that the prompt leaves, if less.

    `prompt` and `context` in tokens. Raises UnmaskError naming the prompt or `field`.
    """
    room = context - prompt
    if room < 1:
        raise UnmaskError(
            "validation",
            f"The prompt takes {prompt} tokens; the model's context is {context}. Shorten it.",
            "prompt",
        )
    if wanted is None:
        return min(int(LIMITS["gen_length"].default or room), room)
    if wanted > room:
        raise UnmaskError(
            "validation",
            f"{field} must be at most {room}: the prompt takes {prompt} tokens of the model's "
            f"context of {context}.",
            field,
        )
    return wanted


def masks_of_prompt(
    prompt: int, masks: int, context: int, block_length: int | None
) -> tuple[int, int]:
    """Length and block of a canvas that is its prompt alone, because that has masks of its own.

    `prompt` and `context` in tokens. Raises UnmaskError naming the prompt.
    """
    if prompt > context:
        raise UnmaskError(
            "validation",
            f"The prompt takes {prompt} tokens; the model's context is {context}. Shorten it.",
            "prompt",
        )
    return 0, min(block_length or masks, masks)
