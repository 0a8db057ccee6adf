"""What is looked at before a training begins: numbers of its command line, and where it writes."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from inference.engine.errors import InputError
from inference.engine.training.checkpoints import STATE

Number = TypeVar("Number", int, float)
CHECKPOINT = "checkpoint"
MODELS = ("config.json", "model.safetensors", "adapter.safetensors")
SEEDS = 2**63
"""What the generators of torch and numpy both take lies below."""


def positive(kind: type[Number], most: float = float("inf")) -> Callable[[str], Number]:
    """For options that are divided by, or of which there must be at least one."""

    def read(text: str) -> Number:
        number = _number(kind, text)
        if not 0 < number < float("inf"):
            raise argparse.ArgumentTypeError(f"must be above 0, not {text}")
        if number > most:
            raise argparse.ArgumentTypeError(f"must be at most {most:g}, not {text}")
        return number

    return read


def seed(text: str) -> int:
    """For options that random numbers begin with."""
    number = _number(int, text)
    if not 0 <= number < SEEDS:
        raise argparse.ArgumentTypeError(f"must be 0 to 2^63 - 1, not {text}")
    return number


def _number(kind: type[Number], text: str) -> Number:
    try:
        return kind(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"must be a number, not {text!r}") from None


def check_output(folder: Path, resume: bool) -> None:
    """Make the directory of a training. Raises InputError where nothing can be written, and, unless
    it is resumed, where a model or a training would be written over.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        known = [folder / CHECKPOINT / STATE, *(folder / name for name in MODELS)]
        taken = any(path.exists() for path in known)
    except OSError as error:
        raise _unwritable(folder, error.strerror) from None
    if taken and not resume:
        raise InputError(
            f"{folder.name} holds a model or a training already. --resume goes on with a "
            "training; a new one needs another directory.",
            "output",
        )
    if not os.access(folder, os.W_OK | os.X_OK):
        raise _unwritable(folder, "permission denied")


def _unwritable(folder: Path, why: str | None) -> InputError:
    return InputError(f"Nothing can be written to {folder.name[:100]}: {why}.", "output")
