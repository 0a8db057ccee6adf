"""Noise as published loops draw it: how many numbers, and what is made of them."""

from __future__ import annotations

from collections.abc import Callable

import torch

from inference.engine.canvas import Canvas
from inference.engine.checkpoint import LoadedModel
from inference.engine.decoding.blocks import chunks
from inference.engine.decoding.official import noise
from inference.engine.decoding.params import Params
from inference.engine.decoding.rng import one_generator
from inference.engine.decoding.sources import Reader, plain
from inference.engine.decoding.view import RunState
from inference.engine.forward import forward_many
from tests.inference.engine.models import MASK


def test_klass_judges_the_noised_logits_of_the_whole_canvas(
    tiny: Callable[[str], LoadedModel],
) -> None:
    model = tiny("llada")
    reader = Reader(model, forward_many, one_generator(7))
    state = RunState(model.spec, Params(), Canvas.start([5, 6, 7], 4, MASK), 0, {})
    block = chunks(state)
    assert block is not None
    logits = plain(reader, state, block).logits
    found = noise.noised(plain, 0.5)(reader, state, block).logits
    generator = torch.Generator().manual_seed(7)
    for number in range(2):  # the generator goes on from step to step
        drawn = torch.rand(1, 7, logits.shape[-1], dtype=torch.float64, generator=generator)
        wanted = logits.double().exp() / (-drawn[0, 3:].log()) ** 0.5
        assert torch.allclose(found, wanted), number
        found = noise.noised(plain, 0.5)(reader, state, block).logits
