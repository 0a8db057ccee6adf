"""What a policy sees when it decides one step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Protocol

import torch
from torch import Tensor

from inference.engine.canvas import Canvas
from inference.engine.decoding.distribution import Distribution
from inference.engine.decoding.params import Params
from inference.engine.decoding.rng import ALONE, BatchRow, per_position
from inference.engine.families.spec import ModelSpec


class Asks(Protocol):
    """Whoever can be asked what the model says of other canvases; remembers one thing."""

    kept: object | None

    def look(self, canvases: Sequence[Sequence[int]], positions: Sequence[int]) -> list[Tensor]: ...


@dataclass
class RunState:
    """Where a run stands before a step.

    `index` counts its steps from 0, `first` is the number of the first of them. `carry` is its
    memory beside the canvas: plain values that can be kept in a database and handed back.
    """

    spec: ModelSpec
    params: Params
    canvas: Canvas
    index: int
    carry: dict[str, Any]
    first: int = 1

    @property
    def step(self) -> int:
        """The number of the step."""
        return self.first + self.index

    @property
    def steps(self) -> int:
        """The run's steps: as asked, else one for each place that the prompt does not hold."""
        if self.params.steps:
            return self.params.steps
        return max(1, sum(not slot.prompt for slot in self.canvas.slots))

    def new_slot(self) -> int:
        """A slot id that was never used in this run.

        Whoever has other canvases beside this one says in the carry from which id on none is used.
        """
        fresh = max((slot.id for slot in self.canvas.slots), default=-1) + 1
        taken = max(fresh, int(self.carry.get("next_slot", 0)))
        self.carry["next_slot"] = taken + 1
        return taken


@dataclass(frozen=True)
class Block:
    """The part of the canvas that is being worked on.

    `scope`: open positions that may be written now. `span`: its first and last + 1 position.
    `index`: its number. `step`: steps of its share that have gone; `steps_left`: those left, this
    one included, at least 1. `masks_at_start` is known to the published schedules only.
    """

    scope: tuple[int, ...]
    span: tuple[int, int]
    steps_left: int
    index: int = 0
    step: int = 0
    masks_at_start: int = 0


@dataclass(frozen=True)
class View:
    """The open positions in scope, ascending, with their distributions; n of them, V tokens.

    `choice` is what tokens are drawn from, `ranking` what positions are ranked by (they differ when
    end-of-text is penalised only in the ranking). `evaluated` is the stretch of places that the
    forward covered (a cache makes it shorter than the canvas). `batch_row` is for published draws.
    `settled` are written places whose predictions were read too, `shadow` the distribution of
    each; `history` holds the distributions of the positions in earlier steps, oldest first.
    `look` asks the model about other canvases; `background` [V] is what it says of a token where
    it knows nothing; `beside` holds logits that were read of other canvases in the same forward.
    """

    state: RunState
    block: Block
    generator: torch.Generator
    positions: Tensor
    choice: Distribution
    ranking: Distribution
    evaluated: tuple[int, int]
    batch_row: BatchRow = ALONE
    settled: Tensor | None = None
    shadow: Distribution | None = None
    history: list[Distribution] = field(default_factory=list)
    reader: Asks | None = None
    background: Tensor | None = None
    beside: list[Tensor] = field(default_factory=list)

    def look(self, canvases: Sequence[Sequence[int]], positions: Sequence[int]) -> list[Tensor]:
        """Logits [n, V] of n positions in each of some canvases: one batched forward."""
        if self.reader is None:
            raise ValueError("this view has no model to ask")
        return self.reader.look(canvases, positions) if len(canvases) else []

    @property
    def params(self) -> Params:
        return self.state.params

    @property
    def canvas(self) -> Canvas:
        return self.state.canvas

    @property
    def spec(self) -> ModelSpec:
        return self.state.spec

    @property
    def device(self) -> torch.device:
        return self.positions.device

    def uniform(self) -> Tensor:
        """One uniform number [n] for each position in scope, float64."""
        return per_position(self.generator, len(self.canvas), self.positions)

    def uniform_at(self, positions: Sequence[int]) -> Tensor:
        """Uniform numbers [n] of some positions, the same however often a step asks for them."""
        copy = torch.Generator()
        copy.set_state(self.generator.get_state())
        draws = torch.rand(len(self.canvas), dtype=torch.float64, generator=copy)
        return draws[list(positions)]

    def only(self, keep: Tensor) -> View:
        """The view of some of its positions (a boolean mask [n])."""
        choice = self.choice.rows(keep)
        return replace(
            self,
            positions=self.positions[keep],
            choice=choice,
            ranking=choice if self.ranking is self.choice else self.ranking.rows(keep),
            history=[past.rows(keep) for past in self.history],
        )


@dataclass(frozen=True)
class Drawn:
    """The token [n] drawn for each position in scope, and the distribution that scores judge by.

    `chosen` holds indices when the draw has settled the positions too; `written_tokens` [m] what
    a published draw gave the written places, of which it knows the distributions `written`.
    """

    tokens: Tensor
    judged: Distribution
    chosen: Tensor | None = None
    written_tokens: Tensor | None = None
    written: Distribution | None = None

    @cached_property
    def probs(self) -> Tensor:
        """The probability [n] of the drawn token."""
        return self.judged.prob_of(self.tokens)

    def only(self, keep: Tensor) -> Drawn:
        return Drawn(self.tokens[keep], self.judged.rows(keep))
