"""Noise as published loops draw it: how many numbers, and what is made of them."""

from __future__ import annotations

from collections.abc import Callable

import torch

from inference.engine.canvas import Canvas, Operation
from inference.engine.checkpoint import LoadedModel
from inference.engine.decoding.blocks import chunks
from inference.engine.decoding.distribution import Distribution
from inference.engine.decoding.official import noise, research
from inference.engine.decoding.params import Params
from inference.engine.decoding.rng import one_generator
from inference.engine.decoding.sources import Reader, plain
from inference.engine.decoding.view import Block, RunState, View
from inference.engine.families.spec import ModelSpec
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


def test_single_precision_noise_covers_the_places_that_published_code_draws_for() -> None:
    spec = ModelSpec("llada", vocab_size=6, context=64, mask_id=5, eos_id=4)
    canvas = Canvas.start([0, 1], 4, 5)
    logits = torch.randn(4, 6, generator=torch.Generator().manual_seed(3))
    for draw, start in ((noise.gumbel_of_single_precision, 0), (noise.gumbel_behind_the_prompt, 2)):
        state = RunState(spec, Params(temperature=0.5), canvas, 0, {})
        positions, judged = torch.arange(2, 6), Distribution(logits)
        generator = one_generator(7)(0)
        block = Block((2, 3, 4, 5), (2, 6), 1)
        view = View(state, block, generator, positions, judged, judged, (0, 6))
        uniform = torch.rand(6 - start, 6, generator=torch.Generator().manual_seed(7))
        wanted = (logits.exp() / (-uniform[2 - start :].log()) ** 0.5).argmax(-1)
        assert torch.equal(draw(view).tokens, wanted)


def test_the_multinomial_of_a_window_covers_written_places_too() -> None:
    spec = ModelSpec("llada", vocab_size=6, context=64, mask_id=5, eos_id=4)
    written: list[Operation] = [{"op": "commit", "slot": 2, "token": 1}]
    canvas = Canvas.start([0, 1], 4, 5).apply(written)
    logits = torch.randn(3, 6, generator=torch.Generator().manual_seed(3))
    state = RunState(spec, Params(temperature=0.5), canvas, 0, {})
    judged, block = Distribution(logits, (5,)), Block((3, 4, 5), (2, 6), 1)
    view = View(state, block, one_generator(7)(0), torch.arange(3, 6), judged, judged, (0, 6))
    probs = torch.ones(4, 6)
    probs[1:] = (logits / 0.5).index_fill(-1, torch.tensor([5]), -torch.inf).softmax(-1)
    generator = torch.Generator().manual_seed(7)
    wanted = torch.multinomial(probs, 1, generator=generator)[1:, 0]
    drawn = research.multinomial_over_the_window(view)
    assert torch.equal(drawn.tokens, wanted)
    assert torch.allclose(drawn.probs, probs[1:].gather(-1, wanted[:, None])[:, 0])
