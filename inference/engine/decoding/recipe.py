"""A recipe: the five parts that decide a step, and the source that reads the logits for them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from inference.engine.canvas import Operation
from inference.engine.decoding import blocks, draws, quotas, scores, sources
from inference.engine.decoding.sources import Source
from inference.engine.decoding.view import Block, Drawn, RunState, View

Quota = Callable[[View, Drawn, Tensor], Tensor]
Revise = Callable[[View, Drawn, list[Operation]], list[Operation]]


@dataclass(frozen=True)
class Recipe:
    """score → quota → draw → block → revise, and the source that reads the logits for them.

    `uses` are the parameters that it reads and `defaults` its own among their defaults, both from
    the catalogue (`recipe_named`). `published` is the variant that the `official` switch selects.
    `prepare` gives places that are added before the step's forward (surplus ones are cut at the
    run's end). `edits` says that expand and delete tokens may be drawn, `grows` that it adds
    places, `remembers` that quotas look at the distributions of earlier steps, `approximate` that a
    cache makes it inexact, `reopens` that it revises a canvas without an open place too. `repeats`
    tells from a carry how many of the last steps an interrupted run has to make again, and the
    carry before them: what lives in memory only comes back by that.
    """

    score: Callable[[View, Drawn], Tensor] = scores.probability
    quota: Quota = quotas.schedule
    draw: Callable[[View], Drawn] = draws.sample
    block: Callable[[RunState], Block | None] = blocks.chunks
    revise: Revise | None = None
    prepare: Callable[[RunState], list[Operation]] | None = None
    source: Source = sources.plain
    defaults: Mapping[str, Any] = field(default_factory=dict)
    uses: tuple[str, ...] = ()
    edits: bool = False
    grows: bool = False
    remembers: bool = False
    reopens: bool = False
    repeats: Callable[[Mapping[str, Any]], tuple[int, dict[str, Any]]] | None = None
    approximate: bool = False
    published: Recipe | None = None

    @property
    def inserts(self) -> bool:
        """Whether it adds places to the canvas, for which it needs slot ids of its own."""
        return self.edits or self.grows or self.prepare is not None
