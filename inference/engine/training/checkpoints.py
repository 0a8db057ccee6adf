"""Checkpoints of a training run: safetensors and JSON, written whole or not at all."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from inference.engine.errors import InputError
from inference.engine.training.optim import Average

TENSORS = "training-{step}.safetensors"
STATE = "training.json"


def save_checkpoint(
    folder: Path,
    model: nn.Module,
    optimizers: list[torch.optim.Optimizer],
    average: Average,
    state: dict[str, Any],
) -> None:
    """Write everything that a resumed run needs; `state` must hold `step` and be JSON.

    The JSON file names its tensor file and is renamed into place last, so a crash at any
    moment leaves the older checkpoint whole.
    """
    folder.mkdir(parents=True, exist_ok=True)
    tensors = _collect(model, optimizers, average)
    name = TENSORS.format(step=state["step"])
    _replace(folder / name, lambda path: save_file(tensors, path))
    text = json.dumps({**state, "tensors": name, "average_updates": average.updates})
    _replace(folder / STATE, lambda path: path.write_text(text, encoding="utf-8"))
    for old in folder.glob(TENSORS.format(step="*")):
        if old.name != name:
            old.unlink()


def load_checkpoint(
    folder: Path, model: nn.Module, optimizers: list[torch.optim.Optimizer], average: Average
) -> dict[str, Any]:
    """Put a run back as it was saved and return its `state`. Raises InputError for one that cannot
    be read or is of another model.
    """
    try:
        return _loaded(folder, model, optimizers, average)
    except UNREADABLE as error:
        raise _unreadable(error) from error


def check_settings(folder: Path, wanted: Mapping[str, Any]) -> None:
    """Raises InputError naming what a checkpoint was begun with otherwise."""
    try:
        state = json.loads((folder / STATE).read_text(encoding="utf-8"))
        begun = state.get("settings", {})  # none in older ones
        differing = [name for name in wanted if begun.get(name, wanted[name]) != wanted[name]]
    except UNREADABLE as error:
        raise _unreadable(error) from error
    for name in differing:
        raise InputError(
            f"This training was begun with {name} {begun[name]}, not {wanted[name]}. Resume it "
            "with the same settings, or begin another one in a directory of its own.",
            name,
        )


UNREADABLE = (
    OSError,
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
    RuntimeError,
    SafetensorError,
)
"""What reading a file or torch raises for a checkpoint that is broken or does not fit."""


def _unreadable(error: Exception) -> InputError:
    return InputError(
        f"The checkpoint cannot be read ({type(error).__name__}). Begin anew in another directory.",
        "resume",
    )


def _loaded(
    folder: Path, model: nn.Module, optimizers: list[torch.optim.Optimizer], average: Average
) -> dict[str, Any]:
    state: dict[str, Any] = json.loads((folder / STATE).read_text(encoding="utf-8"))
    tensors = load_file(folder / state["tensors"])
    model.load_state_dict(_under(tensors, "model."))
    for name, tensor in _under(tensors, "average.").items():
        average.weights[name].copy_(tensor)
    average.updates = state["average_updates"]
    for index, optimizer in enumerate(optimizers):
        _restore(optimizer, _under(tensors, f"optimizer{index}."))
    torch.set_rng_state(tensors["rng"])
    return state


def _collect(
    model: nn.Module, optimizers: list[torch.optim.Optimizer], average: Average
) -> dict[str, Tensor]:
    tensors = {f"model.{k}": v.detach().contiguous() for k, v in model.state_dict().items()}
    tensors |= {f"average.{k}": v for k, v in average.weights.items()}
    tensors["rng"] = torch.get_rng_state()
    for index, optimizer in enumerate(optimizers):
        for number, slots in optimizer.state_dict()["state"].items():
            for slot, value in slots.items():
                key = f"optimizer{index}.{number}.{slot}"
                tensors[key] = torch.as_tensor(value).detach().contiguous()
    return tensors


def _restore(optimizer: torch.optim.Optimizer, tensors: dict[str, Tensor]) -> None:
    state = optimizer.state_dict()
    slots: dict[int, dict[str, Tensor]] = {}
    for key, value in tensors.items():
        number, slot = key.split(".", 1)
        slots.setdefault(int(number), {})[slot] = value
    optimizer.load_state_dict({**state, "state": slots})


def _under(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}


def _replace(path: Path, write: Any) -> None:
    part = path.with_name(path.name + ".part")
    write(part)
    with part.open("rb") as file:
        os.fsync(file.fileno())
    part.replace(path)
