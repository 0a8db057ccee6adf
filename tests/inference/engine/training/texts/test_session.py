"""Training on a text: what it tells, that it goes on exactly, and that what it saves is served."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
import torch

from inference.engine.causal.engine import CausalEngine
from inference.engine.checkpoint import load
from inference.engine.errors import InputError
from inference.engine.training.texts import session
from inference.engine.training.texts.moments import MOMENTS, moments, point_span
from inference.engine.training.texts.samples import sample
from inference.engine.training.texts.session import Order, TextTraining, order_json, order_of
from inference.engine.training.texts.settings import RANGES, Sizes, checked_sizes
from inference.engine.training.texts.writing import OPEN, frames_of

SIZES = Sizes(layers=2, width=16, heads=2, context=16, batch_size=4, vocabulary=300)
TEXT = "A cat sat on a mat. A dog sat on a log.\nThe cat saw the dog run. " * 40
KINDS = ("characters", "byte_pairs", "diffusion")


@pytest.fixture
def order(tmp_path: Path) -> Order:
    torch.set_num_threads(1)
    text = tmp_path / "corpus.txt"
    text.write_text(TEXT)
    folder = tmp_path / "holder"
    return Order("characters", "Cats", "cats.", "A cat", text, folder, [[0, 20]], SIZES, seed=3)


def told_by(order: Order) -> list[dict[str, Any]]:
    return list(TextTraining(order).run())


def points(told: list[dict[str, Any]]) -> list[tuple[int, float, float]]:
    rows = [one for one in told if one["type"] == "point"]
    return [(row["step"], row["loss"], row["held_out"]) for row in rows]


@pytest.mark.parametrize("kind", KINDS)
def test_it_goes_on_from_a_checkpoint_as_if_nothing_had_been(order: Order, kind: str) -> None:
    order = replace(order, kind=kind)
    whole = points(told_by(order))
    ending = TextTraining(order)
    first = []
    for one in ending.run(lambda: ending.step >= 9):
        first.append(one)
    assert first[-1] == {"type": "ended", "step": 9, "finished": False}
    resumed = replace(order, resume=order.folder / "checkpoint-9")
    rest = told_by(resumed)
    assert rest[0]["step"] == 9
    assert points(first) + points(rest) == whole
    assert [step for step, *_ in whole] == list(range(1, 21))


def test_a_longer_training_has_its_rate_rise_again(order: Order) -> None:
    longer = replace(order, stretches=[[0, 20], [20, 40]])
    assert longer.spent(19) == (0, 0.95)
    assert longer.spent(20) == (1, 0.0)
    assert longer.last == 40


@pytest.mark.parametrize("kind", KINDS)
def test_what_it_saves_is_what_it_trained(order: Order, kind: str) -> None:
    order = replace(order, kind=kind)
    training = TextTraining(order)
    list(training.run())
    model = load(order.folder / "moment-20", dtype=torch.float32)
    assert (model.spec.attention == "causal") == (kind != "diffusion")
    assert model.context == 16
    training.trainer.average.copy_to(training.shown)
    ids = torch.tensor(training.windows.held_out[:12])[None]
    with torch.no_grad():
        wanted = training.shown(ids)[0]
    for name, part in training.shown.named_parameters():
        part.data = part.data.bfloat16().float()  # as it is stored
        assert torch.isfinite(part).all(), name
    with torch.no_grad():
        rounded = training.shown(ids)[0]
        served = model.model(ids).logits[0]
    assert torch.allclose(served, rounded, atol=2e-4)
    assert (wanted - rounded).abs().max() < 0.2


def test_a_causal_model_sees_nothing_later(order: Order) -> None:
    model = TextTraining(order).shown
    ids = torch.randint(0, model.shape.vocab_size, (1, 12))
    changed = ids.clone()
    changed[0, 8:] = 3
    with torch.no_grad():
        assert torch.allclose(model(ids)[0, :8], model(changed)[0, :8], atol=1e-5)
        assert not torch.allclose(model(ids)[0, 8:], model(changed)[0, 8:], atol=1e-3)


def test_attention_in_bf16_is_causal_too() -> None:
    from inference.engine.training.model import attend

    torch.manual_seed(0)
    q, k, v = (torch.randn(2, 2, 9, 8, requires_grad=True) for _ in range(3))
    exact = attend(q, k, v, causal=True)
    rough = attend(q.bfloat16(), k.bfloat16(), v.bfloat16(), causal=True).float()
    assert torch.allclose(exact, rough, atol=0.05)


def test_the_card_says_how_it_was_made(order: Order) -> None:
    told_by(order)
    folder = order.folder / "moment-20"
    card = json.loads((folder / "unmask.json").read_text())
    training = card["training"]
    assert training["steps"] == 20
    assert training["tokens"] == 20 * 4 * 17
    assert training["corpus_characters"] == len(TEXT)
    assert training["held_out"] > 0
    assert "SHA-256" in (folder / "README.md").read_text()


@pytest.mark.parametrize("kind", KINDS)
def test_frames_of_a_moment(order: Order, kind: str) -> None:
    told_by(replace(order, kind=kind, stretches=[[0, 3]]))
    model = load(order.folder / "moment-3")
    frames = frames_of(model, "A cat", 6, 0.0, 0)
    assert frames == frames_of(model, "A cat", 6, 0.0, 0)
    assert len(frames) <= 6
    if kind == "diffusion":
        assert [frame.count(OPEN) for frame in frames][-1] == 0
        assert frames[0].count(OPEN) == 5
    else:
        engine = CausalEngine(model)
        assert model.tokenizer is not None
        ids = model.tokenizer.encode_prompt("A cat")
        wanted = "".join(result.text for result in engine.generate(ids, max_tokens=6))
        assert frames[-1] == wanted


def test_characters_that_the_text_lacks_are_named(order: Order) -> None:
    told_by(replace(order, stretches=[[0, 1]]))
    with pytest.raises(InputError, match=r"Unknown characters: \['😀', 'é'\]"):
        frames_of(load(order.folder / "moment-1"), "A 😀 é cat", 4, 0.0, 0)


def test_a_text_that_is_too_short(order: Order) -> None:
    order.text.write_text("a cat")
    with pytest.raises(InputError, match="needs 68 at least") as caught:
        TextTraining(order)
    assert caught.value.field == "corpus"


@pytest.mark.parametrize("last", [1, 10, 23, 24, 40, 100, 400, 2000, 20_000])
def test_moments_are_many_from_the_untrained_model_to_the_end(last: int) -> None:
    kept = moments(0, last)
    assert kept == sorted(set(kept))
    assert (kept[0], kept[-1]) == (0, last)
    assert len(kept) == min(MOMENTS, last + 1)
    further = moments(last, last + 500)
    assert further[-1] == last + 500
    assert further[0] > last


def test_sizes_have_limits() -> None:
    for name, (low, high, _) in RANGES.items():
        for wrong in (low - 1, high + 1, -high):
            with pytest.raises(InputError) as caught:
                checked_sizes({name: wrong})
            assert caught.value.field in (name, "width")
    with pytest.raises(InputError, match="not a setting"):
        checked_sizes({"momentum": 1})


def test_orders_travel_as_json(order: Order) -> None:
    wanted = replace(order, resume=order.folder / "checkpoint-3")
    assert order_of(json.loads(json.dumps(order_json(wanted)))) == wanted


def test_checkpoints_come_in_between(order: Order, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "CHECKPOINT_SECONDS", 0.0)
    told = told_by(order)
    for number, one in enumerate(told):
        if one["type"] == "checkpoint":
            seen = [step for step, *_ in points(told[:number])]
            assert seen == list(range(1, one["step"] + 1)), "its steps were told before it"
            kept = [row["step"] for row in told[:number] if row["type"] == "moment"]
            assert kept == list(range(one["step"] + 1)), "and its moments with their samples"


def test_a_sample_is_of_the_weights_of_its_moment(order: Order) -> None:
    told = [one for one in told_by(order) if one["type"] == "moment"]
    for moment in (told[0], told[-1]):
        training = TextTraining(order)
        for step in range(moment["step"]):
            training.trainer.step(step / 20)
        training.trainer.average.copy_to(training.shown)
        seen = sample(training.shown, training.tokenizer, order.prompt, order.seed)
        assert moment["sample"] == asdict(seen)
    assert told[0]["sample"] != told[-1]["sample"]


@pytest.mark.parametrize(("last", "span"), [(60, 20), (600, 20), (4000, 20), (20_000, 100)])
def test_points_are_not_closer_than_they_are_worth(last: int, span: int) -> None:
    assert point_span(0, last) == span
