"""In which precision a checkpoint is loaded: its own, or what is asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from inference.engine.errors import CheckpointError
from inference.engine.families.values import Config

Choice = Callable[[Config, torch.dtype, int], torch.dtype]
"""(config.json, its own precision, parameters) → the precision to load in."""

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


def own_dtype(config: Config) -> torch.dtype:
    """The precision that config.json names, float32 if none. Raises CheckpointError."""
    named = (config.get(key) for key in ("dtype", "torch_dtype"))
    return dtype_named(next((name for name in named if name is not None), "float32"))


def dtype_for(
    config: Config, parameters: int, asked: torch.dtype | str | Choice | None
) -> torch.dtype:
    """What was asked for, else the checkpoint's own, which has to make sense in any case."""
    own = own_dtype(config)
    if isinstance(asked, torch.dtype):
        return asked
    if callable(asked):
        return asked(config, own, parameters)
    return dtype_named(asked) if asked else own


def dtype_named(name: Any) -> torch.dtype:
    """Also as torch prints it ("torch.bfloat16"), which is how some files have it.

    Raises CheckpointError for any other name.
    """
    short = name.removeprefix("torch.") if isinstance(name, str) else None
    if short not in DTYPES:
        raise CheckpointError(f"dtype {name!r} is not one of {', '.join(DTYPES)}.", "dtype")
    return DTYPES[short]
