"""Messages about trainings. Bounds of sizes come from the trainer's own table."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from core.commands.fields import UUID, Message, limited
from inference.engine.corpora.library import LIBRARY
from inference.engine.training.texts.kinds import KINDS
from inference.engine.training.texts.settings import PRESETS, RANGES, STEPS

NAME, PROMPT = 100, 200
MOST_WRITTEN = 128


def sized(name: str) -> Any:
    """A number within its row of RANGES; what is not given is the preset's."""
    low, high, meaning = RANGES[name]
    whole = name != "learning_rate"
    bounds = {"ge": int(low), "le": int(high)} if whole else {"ge": low, "le": high}
    if not whole:
        bounds["allow_inf_nan"] = False
    return Field(default=None, description=meaning, **bounds)


class SizeSettings(BaseModel):
    """The shape of the model and of its steps, where it is not that of the preset."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    layers: int | None = sized("layers")
    width: int | None = sized("width")
    heads: int | None = sized("heads")
    context: int | None = sized("context")
    batch_size: int | None = sized("batch_size")
    learning_rate: float | None = sized("learning_rate")
    vocabulary: int | None = sized("vocabulary")

    def given(self) -> dict[str, Any]:
        """What was given."""
        return self.model_dump(exclude_none=True)


def no_nul(value: str) -> str:
    """Databases hold no NUL characters."""
    if "\0" in value:
        raise ValueError("must not hold NUL characters")
    return value


class Train(Message):
    """Train a new model on a text of the library, or on one of your own."""

    kind: Literal[*KINDS] = Field(description="what kind of model")  # type: ignore[valid-type]
    corpus: Literal[*LIBRARY] | None = Field(  # type: ignore[valid-type]
        default=None, description="a text of the library"
    )
    text_id: int | None = Field(default=None, ge=1, le=2**53 - 1, description="a text of yours")
    name: str = Field(default="", max_length=NAME, description="what it is called")
    preset: Literal[*PRESETS] = Field(  # type: ignore[valid-type]
        default="small", description="a size that suits"
    )
    sizes: SizeSettings | None = None
    steps: int = Field(default=2000, ge=int(STEPS.low), le=int(STEPS.high), description="batches")
    prompt: str = Field(default="", max_length=PROMPT, description="the beginning of its samples")
    seed: int = limited("seed", 0)

    _plain = field_validator("name", "prompt")(no_nul)


class AboutTraining(Message):
    """A message about a training: the named one, or the socket's own."""

    needs_target = True
    training_id: str | None = Field(default=None, pattern=UUID, description="the training")


class Pause(AboutTraining):
    """Pause after the step in the making."""


class Resume(AboutTraining):
    """Go on where it was paused."""


class Stop(AboutTraining):
    """End the training; what it has learned is kept."""


class Extend(AboutTraining):
    """Go on for more steps."""

    steps: int = Field(ge=int(STEPS.low), le=int(STEPS.high), description="further batches")


class Rename(AboutTraining):
    """Another name for the training and its model."""

    name: str = Field(min_length=1, max_length=NAME, description="the name")

    _plain = field_validator("name")(no_nul)


class Delete(AboutTraining):
    """Forget the training, its files and its model."""


class Share(AboutTraining):
    """Make a link through which others may watch the training."""

    name: str = Field(default="", max_length=100, description="for whom or what it is")
    hours: int | None = Field(default=None, ge=1, le=8760, description="how long it opens it")

    _plain = field_validator("name")(no_nul)


class Unshare(AboutTraining):
    """Revoke a link."""

    link: int = Field(ge=1, le=2**53 - 1, description="id of the link")


class Whole(AboutTraining):
    """The training with its curve and its moments."""


class Ask(Message):
    """Have every kept moment of a training write behind a prompt."""

    training_id: str = Field(pattern=UUID, description="the training")
    prompt: str = Field(default="", max_length=PROMPT, description="what stands there")
    length: int = Field(default=48, ge=1, le=MOST_WRITTEN, description="tokens that are written")
    temperature: float = Field(default=0.0, ge=0.0, le=10.0, allow_inf_nan=False)
    seed: int = limited("seed", 0)

    _plain = field_validator("prompt")(no_nul)
