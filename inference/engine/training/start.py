"""Starting a training from the weights of another model."""

from __future__ import annotations

from pathlib import Path

import torch

from inference.engine import shards
from inference.engine.errors import CheckpointError
from inference.engine.training.model import MaskPredictor


@torch.no_grad()
def start_from(model: MaskPredictor, folder: Path) -> None:
    """Copy the weights of a directory that the trainer wrote.

    The new model may know more tokens, all of them behind those of the old one; their rows stay as
    they are. Raises CheckpointError where anything else differs.
    """
    file = folder / "model.safetensors"
    if not file.is_file():
        raise CheckpointError(f"{file.name} is missing in {folder.name}/.", file.name)
    with shards.opened(file) as handle:
        weights = {key: handle.get_tensor(key) for key in handle.keys()}  # noqa: SIM118
    for name, parameter in model.named_parameters():
        old = weights.get(name)
        if old is None or old.shape[1:] != parameter.shape[1:] or len(old) > len(parameter):
            raise CheckpointError(f"{folder.name} does not fit this model at {name}.", name)
        if len(old) < len(parameter) and len(parameter) != model.shape.vocab_size:
            raise CheckpointError(f"{folder.name} has another width at {name}.", name)
        parameter[: len(old)] = old.to(parameter)
