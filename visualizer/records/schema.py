"""The JSON record of a session, as `exporter.py` writes it: its form and its limits.

Every field is strict and unknown ones are refused, so that a record is either of this version or
not a record. What the fields mean together is checked where a record is imported.
"""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from core.commands.fields import limited, text
from inference.engine.canvas import OPERATIONS
from inference.limits import BODY_BYTES, LIMITS
from visualizer.fields import TokenId
from visualizer.models import Note as NoteRow
from visualizer.probability import ProbabilitySettings
from visualizer.services.notes import MOST_NOTES

FORMAT = "unmask.session"
VERSION = 2
"""Of the records that are written; VERSIONS are read."""
VERSIONS = (1, 2)
RECORD_BYTES = 64 * 2**20
"""Largest record that a command reads from a file."""
UPLOAD_BYTES = BODY_BYTES - 2**20
"""Largest record that a page takes: what a request holds, less what a form adds to the file."""
MOST_PROMPT = 65_536
MOST_BRANCHES, MOST_STEPS, MOST_OPERATIONS = 1000, 50_000, 4096
NOTES_BYTES = 64 * 1024
Id = Annotated[int, Field(ge=1, le=2**53)]
Number = Annotated[int, Field(ge=0, le=1_000_000)]
SlotId = Annotated[int, Field(ge=-1, le=10_000_000)]
Hash = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
"""Hex SHA-256: see chain.py."""
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]


class Part(BaseModel):
    """A part of a record."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class Operation(Part):
    """One change of the canvas; which fields it needs depends on `op`."""

    op: Literal[OPERATIONS]  # type: ignore[valid-type]
    slot: SlotId
    token: TokenId | None = None
    p: Share | None = None
    by: Literal["hand", "auto"] | None = None
    new: Annotated[list[SlotId], Field(min_length=1, max_length=1024)] | None = None
    surplus: Literal[True] | None = None

    def model_post_init(self, context: Any) -> None:
        if (self.op in ("commit", "edit")) != (self.token is not None):
            raise ValueError("commit and edit, and nothing else, have a token")
        if (self.op == "insert") != (self.new is not None):
            raise ValueError("insert, and nothing else, has new slots")
        if self.surplus and self.new is None:
            raise ValueError("only an insert adds surplus places")
        if self.new is not None and (len(set(self.new)) < len(self.new) or min(self.new) < 0):
            raise ValueError("new slots must be different and not negative")


class RunOf(Part):
    """The run that made a step; without `first_step` it began at the first of its steps."""

    id: Id
    parameters: dict[str, Any] = Field(max_length=64)
    keep_settled: bool = False
    seed: int | None = limited("seed", None)
    first_step: Annotated[int, Field(ge=1, le=1_000_000)] | None = None


class Step(Part):
    """One step of a branch."""

    number: Annotated[int, Field(ge=1, le=1_000_000)]
    recipe: str = Field(max_length=60)
    by: Literal["manual", "run"]
    operations: list[Operation] = Field(max_length=MOST_OPERATIONS)
    settings: dict[str, Any] = Field(max_length=64)
    timings: dict[str, Annotated[float, Field(ge=0, allow_inf_nan=False)]] = Field(max_length=64)
    run: RunOf | None
    created: str = Field(max_length=40)
    hash: Hash | None = None


class Forward(BaseModel):
    """The summary of a forward pass; the distribution itself is not in the record.

    `thinned`: the site that wrote the record did not keep it any more either.
    """

    model_config = ConfigDict(strict=True, extra="allow", frozen=True)

    number: Number
    settings: dict[str, Any] = Field(max_length=64)
    open: Number = 0
    heat: str = Field(default="", max_length=200_000, pattern=r"^[A-Za-z0-9+/]*={0,2}$")
    entropy: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0
    ms: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0
    thinned: bool = False


class Note(Part):
    """What stands beside a state of the branch."""

    number: Number
    text: str = Field(min_length=1, max_length=NoteRow.LONGEST)


class Branch(Part):
    """A line of steps; parents stand before their children.

    Branches with one `pruned_at` were put away together, and come back together.
    """

    id: Id
    name: str = Field(min_length=1, max_length=100)
    parent: Id | None
    fork_number: Number
    marked: bool
    pruned: bool
    pruned_at: str | None = Field(default=None, max_length=40)
    notes: list[Note] = Field(default_factory=list, max_length=MOST_NOTES)
    steps: list[Step]
    forwards: list[Forward] = Field(max_length=MOST_STEPS)

    @property
    def tip(self) -> int:
        return self.steps[-1].number if self.steps else self.fork_number


class Head(Part):
    branch: Id
    number: Number


class Session(Part):
    """The start of the canvas and what was set."""

    id: str = Field(max_length=40)
    title: str = Field(min_length=1, max_length=200)
    created: str = Field(max_length=40)
    prompt: str = text("prompt")
    prompt_ids: list[TokenId] = Field(max_length=MOST_PROMPT)
    gen_length: int = Field(ge=0, le=int(LIMITS["gen_length"].high))
    block_length: int = limited("block_length")
    mask_id: TokenId
    seed: int = limited("seed")
    special_tokens: bool = False
    chat: bool = False
    settings: dict[str, Any] = Field(max_length=64)
    head: Head
    text: str | None = Field(default=None, max_length=RECORD_BYTES)

    @field_validator("settings")
    @classmethod
    def _known(cls, value: dict[str, Any]) -> dict[str, Any]:
        """Those that there are; pages go by them, so nothing else comes in under their name."""
        fields = {k: v for k, v in value.items() if k in ProbabilitySettings.model_fields}
        ProbabilitySettings.model_validate(fields)
        return fields


class Model(BaseModel):
    """The model with its hashes and the versions that it was run with."""

    model_config = ConfigDict(strict=True, extra="allow", frozen=True)

    slug: str = Field(min_length=1, max_length=200)
    label: str = Field(max_length=200)
    weights_hash: str | None = Field(default=None, max_length=128)
    tokenizer_hash: str | None = Field(default=None, max_length=128)


class Record(Part):
    """A whole session."""

    format: Literal["unmask.session"]
    version: Literal[VERSIONS]  # type: ignore[valid-type]
    session: Session
    model: Model
    branches: list[Branch] = Field(min_length=1, max_length=MOST_BRANCHES)
    chain: Hash | None = None

    @field_validator("branches")
    @classmethod
    def _few(cls, value: list[Branch]) -> list[Branch]:
        if sum(len(branch.steps) for branch in value) > MOST_STEPS:
            raise ValueError(f"must have at most {MOST_STEPS} steps in all")
        if sum(len(branch.notes) for branch in value) > MOST_NOTES:
            raise ValueError(f"must have at most {MOST_NOTES} notes in all")
        return value

    @field_validator("model")
    @classmethod
    def _short(cls, value: Model) -> Model:
        if len(json.dumps(value.model_extra)) > NOTES_BYTES:
            raise ValueError("must not be longer than 64 kB")
        return value
