"""Angles that are kept are those that the native layer computes."""

from __future__ import annotations

import pytest
import torch
from transformers.models.llama.configuration_llama import LlamaConfig
from transformers.models.llama.modeling_llama import LlamaRotaryEmbedding

from inference.engine.families.rotations import MOST_KEPT, rotations

KINDS = {
    "default": {"rope_type": "default", "rope_theta": 10_000.0},
    "linear": {"rope_type": "linear", "factor": 4.0, "rope_theta": 10_000.0},
    "dynamic": {"rope_type": "dynamic", "factor": 4.0, "rope_theta": 10_000.0},
}


def _layer(kind: str) -> LlamaRotaryEmbedding:
    config = LlamaConfig(
        hidden_size=32,
        num_attention_heads=4,
        max_position_embeddings=8,
        rope_parameters=KINDS[kind],
    )
    return LlamaRotaryEmbedding(config)


@pytest.mark.parametrize("kind", KINDS)
def test_each_length_and_precision_has_its_own(kind: str) -> None:
    ours, native = _layer(kind), _layer(kind)
    for length in (4, 12, 6, 12, 4):
        for dtype in (torch.float32, torch.bfloat16):
            hidden = torch.zeros(1, length, 32, dtype=dtype)
            places, found = rotations(ours, hidden, None)
            assert places.tolist() == [list(range(length))]
            for one, other in zip(found, native(hidden, places), strict=True):
                assert one.dtype == dtype
                assert torch.equal(one, other)


def test_given_positions_are_turned_by_themselves() -> None:
    layer, hidden = _layer("default"), torch.zeros(1, 3, 32)
    positions = torch.tensor([[5, 0, 2]])
    places, (cosines, _) = rotations(layer, hidden, positions)
    assert places is positions
    assert torch.equal(cosines, layer(hidden, positions)[0])


def test_what_is_computed_is_kept_and_not_without_end() -> None:
    layer, hidden = _layer("default"), torch.zeros(1, 5, 32)
    with torch.inference_mode():
        first = rotations(layer, hidden, None)
    assert rotations(layer, hidden, None) is first
    assert not first[1][0].is_inference()  # a training may use it
    for length in range(6, 6 + MOST_KEPT):
        rotations(layer, torch.zeros(1, length, 32), None)
    assert rotations(layer, hidden, None) is not first
