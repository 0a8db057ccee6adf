"""The steps of a run as they are written down: computed, and what they read reduced to a digest."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial

from inference import runtime
from inference.engine import digest
from inference.engine.canvas import Canvas
from inference.engine.checkpoint import LoadedModel
from inference.engine.decoding.step_result import StepResult
from inference.runtime.error_mapping import engine_errors
from visualizer.worker.resume import RunProgress, Suspended, resumed, suspend
from visualizer.worker.session_model import model_of
from visualizer.worker.written_logits import WrittenLogits


@dataclass(frozen=True)
class Made:
    """A step that has been computed and not been written; its logits are let go."""

    result: StepResult
    before: Canvas
    reduced: digest.Reduced


@dataclass
class StepSource:
    """Makes one step after the other, from `canvas` on; `made` are there already."""

    model: LoadedModel
    results: Iterator[StepResult]
    canvas: Canvas
    made: deque[Made]
    written: WrittenLogits | None = None

    def make(self) -> Made | None:
        """The next step; None at the end. Raises UnmaskError."""
        with engine_errors():
            made = self.made.popleft() if self.made else self._computed()
        if made is not None:
            self.canvas = made.result.canvas
        return made

    def _computed(self) -> Made | None:
        if self.written is not None:
            self.written.begin(self.canvas)
        result = next(self.results, None)
        if result is None:
            return None
        found = self.written.joined(result) if self.written else (result.positions, result.logits)
        excluded = [self.canvas.mask_id, *self.model.spec.barred]
        reduced = runtime.submit(partial(digest.reduce, found[1], found[0], excluded))
        bare = replace(result, logits=result.logits.new_empty(0, result.logits.shape[-1]))
        return Made(bare, self.canvas, reduced)

    def suspend(self, work: RunProgress, last: Canvas, ready: list[Made]) -> None:
        """Keep what only memory knows, behind the written step that led to the canvas `last`.

        `ready`: steps that were made and not written.
        """
        if self.written is None:
            suspend(work, last, self.results, [*ready, *self.made])


def source_of(work: RunProgress) -> StepSource:
    """The steps after the last written one. May load the model again."""
    model = model_of(work.session)
    written = WrittenLogits(runtime.forward) if work.run.keep_settled else None
    kept: Suspended = resumed(work, written or runtime.forward)
    return StepSource(model, kept.results, work.canvas, deque(kept.made), written)
