"""What the engine raises. The web layer maps `kind` and `field` onto its one error shape."""

from __future__ import annotations


class EngineError(Exception):
    """A fault that a caller can name to a person. `field`: the parameter or file key at fault."""

    kind = "generation"

    def __init__(self, message: str, field: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.field = field


class InputError(EngineError):
    """A request that this model cannot honour: too long, unknown recipe, value out of range."""

    kind = "validation"


class CheckpointError(EngineError):
    """A model directory that cannot be loaded, with the file or key that is at fault."""

    kind = "model_loading"


class LoadCancelled(EngineError):
    """The caller's `cancel()` answered true while a checkpoint was being read."""

    kind = "model_loading"


class NonFiniteError(EngineError):
    """Logits with NaN or infinity among them; `position` is the first place that has them."""

    def __init__(self, position: int, step: int | None = None) -> None:
        self.position, self.step = position, step
        where = f"position {position}" + (f" of step {step}" if step is not None else "")
        super().__init__(
            f"The model's numbers are not finite at {where}. Load it in float32, or choose "
            "another model."
        )

    def in_step(self, step: int) -> NonFiniteError:
        """The same fault with the step of the run in which it came up."""
        return NonFiniteError(self.position, step)


class StepTimeout(EngineError):
    """A forward overran its limit; it goes on by itself, and nobody waits for it."""

    kind = "timeout"

    def __init__(self, seconds: float) -> None:
        super().__init__(
            f"The model took longer than {seconds:.0f} seconds for this step. Try a shorter "
            "canvas, or raise STEP_TIMEOUT."
        )
