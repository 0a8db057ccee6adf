"""A model together with the texts that it reads, for commands that are given words."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from inference.engine import checkpoint
from inference.engine.checkpoint import LoadedModel
from inference.engine.errors import InputError


def load_with_tokenizer(path: Path) -> tuple[LoadedModel, Callable[[str], list[int]]]:
    """The model and what turns text into token ids. Raises EngineError; InputError without one."""
    model = checkpoint.load(path)
    if model.tokenizer is None:
        raise InputError("This model has no tokenizer.json, so that it reads no text.", "model")
    return model, model.tokenizer.encode
