"""The work of an adaptation: rows written side by side, threads, going on from what is there."""

from __future__ import annotations

import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from inference.engine import adapters, checkpoint
from inference.engine.causal.engine import CausalEngine
from inference.engine.checkpoint import LoadedModel
from inference.engine.errors import InputError
from inference.engine.training.adaptation import documents as docs
from inference.engine.training.adaptation import low_rank, sources
from inference.engine.training.adaptation.block_noise import Noise, accumulate, losses
from inference.engine.training.adaptation.evaluation import gap_hits
from inference.engine.training.adaptation.low_rank import Adapter
from inference.engine.training.adaptation.record import AdaptOrder
from inference.engine.training.adaptation.run import adapt, measure, train
from inference.engine.training.adaptation.writer import CANDIDATES, Writer, collect
from inference.engine.training.optim import OptimSettings, rate_factor
from inference.engine.training.order_checks import CHECKPOINT
from tests.inference.engine.causal.tiny import write_model
from tests.inference.engine.training.test_adaptation import MASK, ORDER, document

CPU = torch.device("cpu")


@pytest.fixture
def parent(tmp_path: Path) -> LoadedModel:
    return checkpoint.load(write_model(tmp_path / "parent"), dtype="float32")


def test_what_is_kept_of_a_token_is_what_the_parent_says_there(parent: LoadedModel) -> None:
    """Rows that start over at different times share a cache; each must see its own text alone."""
    engine, barred = CausalEngine(parent), docs.barred_ids(parent)
    found = collect(Writer(parent, seed=5, together=3), lambda found: len(found) >= 8)
    for one in found:
        with torch.inference_mode():
            logits = parent.model(torch.tensor([one.ids])).logits[0, one.begin - 1 : -1].float()
            logits = logits.index_fill(1, torch.tensor(barred), -torch.inf)
        values, ids = logits.topk(CANDIDATES)
        assert torch.allclose((values / 0.7).softmax(1), one.shares.float(), atol=2e-3)
        assert (ids[:, 0] == one.candidates[:, 0]).float().mean() > 0.9  # equals swap places
    assert {len(one.ids) for one in found} != {len(found[0].ids)}
    assert engine.stop_ids & {one.ids[-1] for one in found} or all(
        len(one.ids) >= 30 for one in found
    )


def test_answers_are_drawn_at_one_of_the_temperatures(parent: LoadedModel) -> None:
    found = collect(Writer(parent, 5, (0.2, 1.5), together=6), lambda found: len(found) >= 12)
    warm = []
    for one in found:
        with torch.inference_mode():
            logits = parent.model(torch.tensor([one.ids])).logits[0, one.begin - 1 : -1].float()
        logits = logits.index_fill(1, torch.tensor(docs.barred_ids(parent)), -torch.inf)
        errors = [
            float(((logits.topk(CANDIDATES)[0] / t).softmax(1) - one.shares.float()).abs().max())
            for t in (0.2, 1.5)
        ]
        assert min(errors) < 2e-3
        warm.append(errors[1] < errors[0])
    assert len(set(warm)) == 2


def test_many_rows_are_computed_with_the_sum_of_the_matrices(
    parent: LoadedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same losses and gradients as with the products apart, which cost less for few rows."""
    adapter, noise = Adapter(parent, 4, MASK), Noise(4, MASK, 267)
    for number, part in enumerate(adapter.parts.values()):
        drawn = torch.randn(part.shape, generator=torch.Generator().manual_seed(number))
        part.data.copy_(drawn * 0.2)
    rows = noise.rows([document(20, 3)], torch.Generator().manual_seed(1), CPU)
    found = []
    for least in (10**9, 1):
        monkeypatch.setattr(low_rank, "FOLDED", least)
        loss = accumulate(adapter, [rows], None)
        found.append([loss, *(p.grad.clone() for p in adapter.parameters() if p.grad is not None)])
        adapter.zero_grad()
    assert len(found[0]) == 1 + len(list(adapter.parameters()))
    for one, other in zip(*found, strict=True):
        assert torch.allclose(one, other, atol=1e-4)


@pytest.mark.parametrize(("length", "count"), [(1, 1), (2, 2), (5, 4), (40, 4)])
def test_gaps_lie_in_what_is_to_be_predicted(length: int, count: int, parent: LoadedModel) -> None:
    """Each of them is asked of both; a short text has fewer."""
    one = document(5 + length, 5)
    twin = replace(parent, spec=replace(parent.spec, block_size=4, mask_id=MASK))
    found = gap_hits(parent, twin, [one, one])
    assert found["asked"] == 2 * count
    assert all(0 <= hits <= found["asked"] for hits in found.values())


def test_training_and_its_card_are_two_stages_of_one_command(tmp_path: Path) -> None:
    base, folder = write_model(tmp_path / "parent"), tmp_path / "twin"
    with pytest.raises(InputError, match="no trained adapter"):
        measure(base, folder, ORDER)
    train(base, folder, replace(ORDER, show=1e-9))
    stored = (folder / adapters.FILE).read_bytes()
    assert not (folder / "unmask.json").exists()
    measure(base, folder, ORDER)
    card = json.loads((folder / "unmask.json").read_text())
    whole = tmp_path / "whole"
    adapt(base, whole, ORDER)
    other = json.loads((whole / "unmask.json").read_text())
    assert stored == (folder / adapters.FILE).read_bytes() == (whole / adapters.FILE).read_bytes()
    assert card["quality"] == other["quality"]


def test_threads_add_up_to_the_gradients_of_one(parent: LoadedModel) -> None:
    batch, noise = [document(20, 3), document(13), document(17, 4)], Noise(4, MASK, 267, copies=4)
    found = []
    for pool in (None, ThreadPoolExecutor(2)):
        adapter = Adapter(parent, 4, MASK) if not found else found[0][0]
        generator = torch.Generator().manual_seed(3)
        parts = [noise.rows([one], generator, CPU) for one in batch]
        loss = accumulate(adapter, parts, pool)
        found.append((adapter, float(loss), [p.grad.clone() for p in adapter.parameters()]))
        for parameter in adapter.parameters():
            parameter.grad = None
    weights = torch.cat([part.weights for part in parts])
    plain = torch.cat([losses(found[0][0], part) for part in parts]) @ weights / weights.sum()
    assert (
        found[0][1]
        == pytest.approx(found[1][1], abs=1e-6)
        == pytest.approx(float(plain.detach()), abs=1e-5)
    )
    for one, other in zip(found[0][2], found[1][2], strict=True):
        assert torch.allclose(one, other, atol=1e-6)
    gradients = torch.autograd.grad(plain, list(found[0][0].parameters()))
    for one, other in zip(found[0][2], gradients, strict=True):
        assert torch.allclose(one, other, atol=1e-5)


def test_documents_of_different_lengths_side_by_side_lose_nothing(parent: LoadedModel) -> None:
    """Padding between clean and noisy rows and behind them changes no loss."""
    batch, noise = [document(20, 3), document(9, 5), document(31, 4)], Noise(4, MASK, 267, copies=2)
    adapter = Adapter(parent, 4, MASK)
    with torch.no_grad():
        for part in adapter.parts.values():
            part.copy_(torch.randn(part.shape, generator=torch.Generator().manual_seed(5)) * 0.2)
        together = losses(adapter, noise.rows(batch, torch.Generator().manual_seed(1), CPU))
        generator = torch.Generator().manual_seed(1)
        alone = [losses(adapter, noise.rows([one], generator, CPU)) for one in batch]
    assert torch.allclose(together, torch.cat(alone), atol=1e-4)


def test_an_adaptation_goes_on_from_an_adapter_and_from_its_documents(tmp_path: Path) -> None:
    base, plain = write_model(tmp_path / "parent"), replace(ORDER, questions=0)
    adapt(base, tmp_path / "one", plain)
    file = tmp_path / "one" / "checkpoint" / sources.FILE
    second = replace(plain, data=(file,), start_from=tmp_path / "one", steps=1, learning_rate=1e-9)
    adapt(base, tmp_path / "two", replace(second, threads=2))
    again = docs.load_documents(tmp_path / "two" / "checkpoint" / sources.FILE)
    assert [one.ids for one in again] == [one.ids for one in docs.load_documents(file)]
    twins = [checkpoint.load(tmp_path / name, dtype="float32") for name in ("one", "two")]
    ids = torch.arange(12)[None]
    with torch.inference_mode():
        first, other = (twin.model(ids).logits for twin in twins)
        parent = checkpoint.load(base, dtype="float32").model(ids).logits
    assert (first - other).abs().max() < 0.02 < (first - parent).abs().max()
    card = json.loads((tmp_path / "two" / "unmask.json").read_text())
    assert "--start-from one" in card["training"]["command"]
    (tmp_path / "bad").mkdir()
    small = replace(plain, rank=3, steps=1)
    adapt(base, tmp_path / "small", small)
    with pytest.raises(InputError, match="does not fit this model"):
        adapt(base, tmp_path / "three", replace(plain, start_from=tmp_path / "small"))
    assert (tmp_path / "one" / adapters.FILE).exists()


def test_an_adapter_is_averaged_with_an_earlier_one(tmp_path: Path) -> None:
    base, plain = write_model(tmp_path / "parent"), replace(ORDER, questions=0)
    other = replace(plain, seed=1, average=tmp_path / "one")
    adapt(base, tmp_path / "one", plain)
    adapt(base, tmp_path / "two", replace(other, average=None))
    adapt(base, tmp_path / "mean", other)
    one, two, mean = (load_file(tmp_path / name / adapters.FILE) for name in ("one", "two", "mean"))
    for name in (name for name in mean if f"{name}.scale" in mean):
        wanted = (adapters.dequantized(one, name) + adapters.dequantized(two, name)) / 2
        step = sum(float(part[f"{name}.scale"].max()) for part in (one, two, mean))
        assert torch.allclose(adapters.dequantized(mean, name), wanted, atol=step)
    assert torch.allclose(mean[adapters.MASK], (one[adapters.MASK] + two[adapters.MASK]) / 2)
    card = (tmp_path / "mean" / "README.md").read_text()
    assert "Averaged with" in card
    assert "--average one" in card


@pytest.mark.parametrize("there", [False, True])
def test_what_cannot_be_averaged_is_refused_before_the_training(
    there: bool, tmp_path: Path
) -> None:
    base, plain = write_model(tmp_path / "parent"), replace(ORDER, questions=0)
    if there:
        adapt(base, tmp_path / "other", replace(plain, rank=3, steps=1))
    with pytest.raises(InputError) as failure:
        train(base, tmp_path / "one", replace(plain, average=tmp_path / "other"))
    assert failure.value.field == "average"
    assert not list((tmp_path / "one" / CHECKPOINT).glob("training-*"))


def test_a_killed_writer_goes_on_with_what_it_has(parent: LoadedModel, tmp_path: Path) -> None:
    order = AdaptOrder("parent", documents=5)
    first = sources.documents_of(parent, tmp_path, order)
    (tmp_path / sources.FILE).rename(tmp_path / sources.PART)
    more = sources.documents_of(parent, tmp_path, replace(order, documents=8, resume=True))
    assert [one.ids for one in more[: len(first)]] == [one.ids for one in first]
    assert len(more) == 8
    assert not (tmp_path / sources.PART).exists()


def test_a_rate_falls_as_its_settings_say() -> None:
    settings = OptimSettings(1.0, warm_up=4, decay_share=0.5, floor=0.0)
    assert [rate_factor(n, 0.0, settings) for n in range(5)] == [0.25, 0.5, 0.75, 1.0, 1.0]
    assert [rate_factor(9, spent, settings) for spent in (0.5, 0.75, 1.0)] == [1.0, 0.5, 0.0]
    assert rate_factor(999, 1.0) == 0.02


def test_a_finished_model_is_asked_anew_and_its_other_figures_stay(tmp_path: Path) -> None:
    base, folder = write_model(tmp_path / "parent"), tmp_path / "twin"
    adapt(base, folder, ORDER)
    shutil.rmtree(folder / CHECKPOINT)
    file = folder / "unmask.json"
    before = json.loads(file.read_text())
    kept = {name: before["quality"][name] for name in ("bounds", "gaps")}
    file.write_text(json.dumps({**before, "decoding": {}, "quality": {**kept, "answers": {}}}))
    measure(base, folder, ORDER)
    after = json.loads(file.read_text())
    assert after == before
    assert after["decoding"]["recipe"] == "rank/low_entropy"
    file.write_text("{}")
    with pytest.raises(InputError, match="no trained adapter"):
        measure(base, folder, ORDER)
