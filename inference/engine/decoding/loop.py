"""Running a recipe: one forward, one decision, one set of operations at a time."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from inference.engine.canvas import Canvas, Operation
from inference.engine.checkpoint import LoadedModel
from inference.engine.decoding.allowed_tokens import distributions, possible
from inference.engine.decoding.decision import decide, within
from inference.engine.decoding.distribution import Distribution
from inference.engine.decoding.end_of_text import block_is_done, endings, has_ended
from inference.engine.decoding.grammar import grammar_of, matching_operations
from inference.engine.decoding.history import Memory
from inference.engine.decoding.params import Params, checked
from inference.engine.decoding.recipe import Recipe
from inference.engine.decoding.recipes import recipe_named
from inference.engine.decoding.rng import ALONE, BatchRow, StepRng, seeded
from inference.engine.decoding.sources import Reader, Reading
from inference.engine.decoding.step_result import StepResult
from inference.engine.decoding.suitability import check_suitable
from inference.engine.decoding.view import Block, RunState, View
from inference.engine.errors import EngineError, NonFiniteError
from inference.engine.forward import ForwardMany, forward_many


def generate(
    model: LoadedModel,
    canvas: Canvas,
    recipe: str | Recipe,
    params: Mapping[str, Any] | Params,
    seed: int,
    start_step: int = 1,
    *,
    first_step: int = 1,
    carry: Mapping[str, Any] | None = None,
    forward: ForwardMany = forward_many,
    rng: StepRng | None = None,
    batch_row: BatchRow = ALONE,
) -> Iterator[StepResult]:
    """Works a recipe until nothing is left to write; yields after each forward.

    `first_step` is the step at which the run began, `start_step` the one to make now. To resume
    hand in the canvas after step k, `start_step` k + 1, the same seed and first_step, and the
    `carry` of step k: the rest comes out as if nothing had happened. Masks may stand anywhere;
    prompt and locked places are never touched. `rng` and `batch_row` serve comparisons with
    published runs. Raises InputError for a recipe or parameters that do not fit.
    """
    chosen = recipe_named(recipe) if isinstance(recipe, str) else recipe
    values = params if isinstance(params, Params) else checked(params, chosen.defaults, chosen.uses)
    if values.official and chosen.published is not None:
        chosen = chosen.published
    check_suitable(chosen, model, recipe if isinstance(recipe, str) else "given")
    run = Run(model, chosen, values, rng or seeded(seed), forward, batch_row)
    yield from run.steps(canvas, start_step, first_step, dict(carry or {}))


class Run:
    """One run of one recipe; keeps what is worth keeping between its steps in memory."""

    def __init__(
        self,
        model: LoadedModel,
        recipe: Recipe,
        params: Params,
        rng: StepRng,
        forward: ForwardMany,
        batch_row: BatchRow = ALONE,
    ) -> None:
        self.model, self.recipe, self.params, self.rng = model, recipe, params, rng
        self.batch_row = batch_row
        self.reader = Reader(model, forward, rng)
        self.memory = Memory(params.kl_steps)
        self.grammar = grammar_of(model, params)

    def steps(
        self, canvas: Canvas, step: int, first: int, carry: dict[str, Any]
    ) -> Iterator[StepResult]:
        """Yields results until the block rule answers that nothing is left."""
        while True:
            state = RunState(self.model.spec, self.params, canvas, step - first, carry, first)
            added = self.recipe.prepare(state) if self.recipe.prepare else []
            if added:  # else the canvas goes on knowing what it has worked out
                state.canvas = canvas.apply(added)
            block = self.recipe.block(state)
            if block is None:
                return
            if state.index > self.limit(state):
                raise EngineError("The run does not come to an end.", "recipe")
            try:
                made = self.step(state, block, step)
            except NonFiniteError as error:
                raise error.in_step(step) from error
            result = self.completed(made, canvas, added, first)
            yield result
            canvas, carry, step = result.canvas, dict(result.carry), step + 1

    def completed(
        self, made: StepResult, before: Canvas, added: list[Operation], first: int
    ) -> StepResult:
        """The step with the places that came before its forward, and without those cut at the end.

        What it read of places that the canvas did not have yet is left out.
        """
        if self.recipe.prepare is None:
            return made
        cut = self.cut(made, first)
        known = [i for i, position in enumerate(made.positions) if position < len(before)]
        return replace(
            made,
            operations=[*added, *made.operations, *cut],
            canvas=made.canvas.apply(cut),
            masked=len(made.canvas.apply(cut).open_positions),
            positions=[made.positions[i] for i in known],
            logits=made.logits[known] if len(known) < len(made.positions) else made.logits,
        )

    def cut(self, made: StepResult, first: int) -> list[Operation]:
        """Deletions of the surplus places, once the run has nothing left to do."""
        surplus = [slot for slot in made.canvas.slots if slot.surplus and not slot.locked]
        index, carry = made.step + 1 - first, dict(made.carry)
        after = RunState(self.model.spec, self.params, made.canvas, index, carry, first)
        if self.params.official or not surplus or self.recipe.block(after) is not None:
            return []
        return [{"op": "delete", "slot": slot.id} for slot in surplus]

    def limit(self, state: RunState) -> int:
        """The steps after which a run counts as endless, however often it was taken up anew.

        A canvas that shrinks has needed steps for places that are gone; a loop may be asked for.
        """
        longest = max(len(state.canvas), int(state.carry.get("longest", 0)))
        if self.recipe.edits or self.recipe.grows:
            state.carry["longest"] = longest
        return 64 + 16 * longest + 2 * (self.params.steps or 0) + 2 * self.params.loop_steps

    @torch.inference_mode()
    def step(self, state: RunState, block: Block, step: int) -> StepResult:
        """One forward and its decision."""
        started = time.perf_counter()
        reading = self.recipe.source(self.reader, state, block)
        read = time.perf_counter()
        operations = self.decide(self.view(state, reading, block, step), block)
        canvas = state.canvas.apply(operations)
        decided = time.perf_counter()
        if self.recipe.remembers:
            self.memory.keep(state, reading)
        return StepResult(
            step=step,
            operations=operations,
            canvas=canvas,
            masked=len(canvas.open_positions),
            block=block.span,
            positions=reading.positions.tolist(),
            logits=reading.logits,
            ms={"forward": 1e3 * (read - started), "decide": 1e3 * (decided - read)},
            carry=dict(state.carry),
        )

    def decide(self, view: View, block: Block) -> list[Operation]:
        """The operations of a step, from the part of the reading that the block lets be written."""
        if not self.params.official and has_ended(view) and (filled := endings(view, [])):
            return filled
        scope = within(view, block)
        wanted = len(scope.positions) or scope.shadow is not None or self.recipe.reopens
        wanted = wanted or self.params.official  # published loops draw their noise all the same
        operations = decide(self.recipe, scope) if wanted else []
        if self.grammar is not None:
            operations = matching_operations(self.grammar, scope, operations)
        return operations + endings(view, operations) if self.ends(view, operations) else operations

    def ends(self, view: View, operations: list[Operation]) -> bool:
        """Whether an end of the text is to be looked for after these operations."""
        if self.params.official:
            return False
        return self.params.stop_at_end or (
            self.params.stop_after_block and block_is_done(view, operations)
        )

    def view(self, state: RunState, reading: Reading, block: Block, step: int) -> View:
        """Everything that was read, ready to be judged."""
        fits = self._matching(state, reading.positions)
        choice, ranking = distributions(state, self.recipe.edits, reading.logits, fits)
        return View(
            state=state,
            block=block,
            generator=self.rng(step),
            positions=reading.positions,
            choice=choice,
            ranking=ranking,
            evaluated=reading.evaluated,
            batch_row=self.batch_row,
            settled=reading.settled,
            shadow=self._shadow(state, reading, choice),
            history=self._history(state, block, reading, fits),
            reader=self.reader,
            background=reading.background,
            beside=reading.beside,
        )

    def _matching(self, state: RunState, positions: Tensor) -> Tensor | None:
        """Tokens [n, V] with which the run's grammar can be matched; None if it has none."""
        if self.grammar is None:
            return None
        found = self.grammar.possible(state.canvas, positions.tolist())
        return torch.from_numpy(found).to(positions.device)

    def _shadow(
        self, state: RunState, reading: Reading, choice: Distribution
    ) -> Distribution | None:
        if reading.settled is None or reading.settled_logits is None:
            return None
        # what may not be written may not replace anything either
        fits = self._matching(state, reading.settled)
        logits = possible(state, self.recipe.edits, reading.settled_logits, fits)
        return Distribution(logits, choice.barred)

    def _history(
        self, state: RunState, block: Block, reading: Reading, fits: Tensor | None
    ) -> list[Distribution]:
        if not self.recipe.remembers:
            return []
        past = self.memory.recall(self.reader, self.recipe.source, state, block)
        rows = [torch.searchsorted(before.positions, reading.positions) for before in past]
        edits = self.recipe.edits
        return [
            distributions(state, edits, before.logits[row], fits)[0]
            for before, row in zip(past, rows, strict=True)
        ]
