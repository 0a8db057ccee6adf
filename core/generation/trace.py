"""A generation pass by pass: what each forward pass of the model wrote, and where.

Kinds of models that write in different orders can be laid side by side by it. A place has a number
of its own for as long as the generation lives (a slot); places are told in their order.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Protocol, cast
from uuid import UUID

from core.generation.seam import find, generator
from inference.errors import UnmaskError


@dataclass(frozen=True, slots=True)
class Position:
    """A position of the text when a generation begins; `text` None: nothing is written there."""

    slot: int
    text: str | None = None


@dataclass(frozen=True, slots=True)
class Write:
    """A token written to a place; `logprob` in nats at temperature 1, None if it is not known."""

    slot: int
    text: str
    logprob: float | None


@dataclass(frozen=True, slots=True)
class Pass:
    """One forward pass. `number` counts from 1.

    `cleared`: slots that are open again. `places`: all slots in their order, where that has
    changed. `heat`: slot and probability (0 to 1) of the best token, for every place that the pass
    looked at. `ms`: what the step took, None where single ones are not timed.
    """

    number: int
    writes: list[Write]
    cleared: list[int] = field(default_factory=list)
    places: list[int] | None = None
    heat: list[tuple[int, float]] = field(default_factory=list)
    ms: float | None = None

    def payload(self) -> dict[str, Any]:
        """As it is sent."""
        return asdict(self)


class Traced(Protocol):
    """What a generator has beside seam.Generator if its passes can be told."""

    def positions(self, *, user: Any, id: UUID) -> list[Position] | None:
        """The places before the first pass; None while no worker has begun."""

    def passes(self, *, user: Any, id: UUID, after: int) -> list[Pass]:
        """The passes after a number, as far as they are stored."""


def traced(*, user: Any, id: UUID | str) -> Traced:
    """The generator of the user's generation. Raises UnmaskError: not_found, or validation for a
    kind of model whose passes are not kept."""
    found = generator(find(user=user, id=id).kind)
    if not hasattr(found, "passes"):
        raise UnmaskError("validation", "Single passes of this kind of model are not kept.", "id")
    return cast("Traced", found)
