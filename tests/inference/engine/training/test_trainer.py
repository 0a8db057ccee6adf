"""Training lowers the bound, repeats exactly from a seed, and goes on exactly after a stop."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import numpy as np
import pytest
import torch

from inference.engine.training.checkpoints import STATE
from inference.engine.training.noise import elbo_nats
from inference.engine.training.optim import rate_factor
from inference.engine.training.trainer import Budget, Progress, Trainer

from .toy import FIRST, KINDS, PERIOD, Repeats, toy_trainer


def bound(trainer: Trainer) -> float:
    """Nats per row of the toy task; the source itself has 3 ln 9 = 6.6."""
    batch = Repeats().batch(200, np.random.default_rng(9))
    return elbo_nats(trainer.model, batch, mask_id=1) / len(batch.ids)


def weights(trainer: Trainer) -> dict[str, torch.Tensor]:
    return {name: p.detach().clone() for name, p in trainer.model.named_parameters()}


def same(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def test_training_comes_near_the_entropy_of_the_source(tmp_path: Path) -> None:
    trainer = toy_trainer(tmp_path, steps=250)
    untrained = bound(trainer)
    progress = trainer.run()
    trainer.average.copy_to(trainer.model)
    floor = PERIOD * np.log(KINDS)
    assert untrained > 3 * floor
    assert floor < bound(trainer) < 1.5 * floor
    assert progress.step == 250
    assert progress.tokens == 250 * 32 * 12


def test_the_seed_decides_everything(tmp_path: Path) -> None:
    runs = [toy_trainer(tmp_path / str(i), steps=5, seed=seed) for i, seed in enumerate((0, 0, 1))]
    for trainer in runs:
        trainer.run()
    assert same(weights(runs[0]), weights(runs[1]))
    assert not same(weights(runs[0]), weights(runs[2]))


def stop_after(trainer: Trainer, step: int) -> None:
    def report(progress: Progress, spent: float) -> None:
        if progress.step == step:
            os.kill(os.getpid(), signal.SIGINT)

    trainer.run(report)


def test_a_resumed_run_ends_with_the_same_weights(tmp_path: Path) -> None:
    whole = toy_trainer(tmp_path / "whole", steps=30)
    whole.run()
    first = toy_trainer(tmp_path / "parts", steps=30)
    stop_after(first, 12)
    assert first.progress.step == 12
    second = toy_trainer(tmp_path / "parts", steps=30)
    torch.manual_seed(99)  # a resumed process starts with another generator state
    assert second.resume()
    assert second.progress.step == 12
    second.run()
    assert same(weights(whole), weights(second))
    assert same(whole.average.weights, second.average.weights)
    assert whole.progress.tokens == second.progress.tokens


def test_nothing_to_resume(tmp_path: Path) -> None:
    assert not toy_trainer(tmp_path, steps=1).resume()


def test_a_crash_while_saving_leaves_the_older_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer = toy_trainer(tmp_path, steps=3)
    trainer.run()
    before = weights(trainer)
    trainer.progress.step = 7

    def crash(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr("inference.engine.training.checkpoints.save_file", crash)
    with pytest.raises(OSError, match="disk full"):
        trainer.save()
    monkeypatch.undo()
    again = toy_trainer(tmp_path, steps=3)
    assert again.resume()
    assert again.progress.step == 3
    assert same(weights(again), before)


def test_a_checkpoint_is_safetensors_and_json_and_replaces_the_older(tmp_path: Path) -> None:
    trainer = toy_trainer(tmp_path, steps=2)
    trainer.run()
    trainer.progress.step = 5
    trainer.save()
    assert {f.name for f in tmp_path.iterdir()} == {STATE, "training-5.safetensors"}
    assert json.loads((tmp_path / STATE).read_text())["step"] == 5


def test_an_interrupt_leaves_the_signal_handlers_as_they_were(tmp_path: Path) -> None:
    before = signal.getsignal(signal.SIGINT)
    stop_after(toy_trainer(tmp_path, steps=5), 2)
    assert signal.getsignal(signal.SIGINT) is before


def test_the_rate_rises_stays_and_falls() -> None:
    assert rate_factor(0, 0.0) == pytest.approx(0.01)
    assert rate_factor(500, 0.5) == 1
    assert rate_factor(5000, 1 - 0.35 / 2) == pytest.approx(0.5)
    assert rate_factor(9000, 1.0) == pytest.approx(0.02)


def test_budgets() -> None:
    assert Budget(minutes=2).spent(60, 10**6) == 0.5
    assert Budget(minutes=2, steps=10).spent(10**6, 5) == 0.5


def test_symbols_lie_behind_the_special_ids() -> None:
    assert Repeats().batch(50, np.random.default_rng(0)).ids.min() >= FIRST
