"""A model may name several end tokens: each of them ends a text, waits and is ruled out alike."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from inference.engine.canvas import Canvas
from inference.engine.checkpoint import LoadedModel
from inference.engine.decoding.loop import generate
from tests.inference.engine.models import EOS, MASK

Tiny = Callable[[str], LoadedModel]
SECOND, TURN = 301, 302


@pytest.fixture
def model(tiny: Tiny) -> LoadedModel:
    made = tiny("llada")
    return replace(made, spec=replace(made.spec, other_eos_ids=(SECOND,), eot_id=TURN))


def _named(model: LoadedModel, token: int) -> LoadedModel:
    """The same model with this token as the second of its end tokens."""
    return replace(model, spec=replace(model.spec, other_eos_ids=(token,)))


@pytest.mark.parametrize("end", [EOS, SECOND, TURN])
def test_a_run_stops_behind_any_end_token(model: LoadedModel, end: int) -> None:
    canvas = Canvas.start([1, 2], 9, MASK).apply([{"op": "commit", "slot": 2, "token": end}])
    steps = list(generate(model, canvas, "llada/low_confidence", {"stop_at_end": True}, 0))
    assert len(steps) == 1
    assert steps[0].canvas.tokens[3:].count(EOS) >= 7  # all but what this step drew


def test_any_end_token_waits_for_the_rest(model: LoadedModel) -> None:
    canvas = Canvas.start([1, 2], 10, MASK)
    first = next(generate(model, canvas, "rank/high_confidence", {}, 0)).operations[0]["token"]
    ending = _named(model, first)
    waits = next(generate(ending, canvas, "rank/high_confidence", {"eos_last": True}, 0))
    assert waits.operations[0]["token"] != first


@pytest.mark.parametrize("switch", ["logits_eos_inf", "confidence_eos_eot_inf"])
def test_the_switches_of_llada_know_every_end_token(model: LoadedModel, switch: str) -> None:
    canvas = Canvas.start([1, 2], 10, MASK)
    first = next(generate(model, canvas, "llada/low_confidence", {}, 0)).operations[0]["token"]
    ending = _named(model, first)
    steps = list(generate(ending, canvas, "llada/low_confidence", {switch: True}, 0))
    assert steps[0].operations[0]["token"] != first
    if switch == "logits_eos_inf":
        assert first not in steps[-1].canvas.tokens[2:]
