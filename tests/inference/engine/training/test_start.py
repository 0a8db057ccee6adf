"""A training may start from another model's weights, if they fit."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from inference.engine.errors import CheckpointError
from inference.engine.training.model import MaskPredictor
from inference.engine.training.start import start_from

from .toy import SHAPE


@pytest.fixture
def old(tmp_path: Path) -> MaskPredictor:
    model = MaskPredictor(SHAPE)
    save_file(dict(model.named_parameters()), tmp_path / "model.safetensors")
    return model


def test_weights_are_copied_and_new_tokens_keep_their_rows(
    old: MaskPredictor, tmp_path: Path
) -> None:
    new = MaskPredictor(replace(SHAPE, vocab_size=SHAPE.vocab_size + 2))
    fresh = new.model.transformer.wte.weight.detach().clone()
    start_from(new, tmp_path)
    rows = new.model.transformer.wte.weight
    assert torch.equal(rows[:-2], old.model.transformer.wte.weight)
    assert torch.equal(rows[-2:], fresh[-2:])
    assert torch.equal(
        new.model.transformer.blocks[1].ff_proj.weight,
        old.model.transformer.blocks[1].ff_proj.weight,
    )


@pytest.mark.parametrize("change", [{"width": 64}, {"layers": 3}, {"mlp_width": 128}])
def test_another_shape_is_refused(
    old: MaskPredictor, tmp_path: Path, change: dict[str, int]
) -> None:
    with pytest.raises(CheckpointError):
        start_from(MaskPredictor(replace(SHAPE, **change)), tmp_path)  # type: ignore[arg-type]
