"""The command lines: options become orders and settings, and files are written."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from inference.engine.errors import InputError
from inference.engine.training.cli import (
    add_evaluate_arguments,
    add_train_arguments,
    evaluate_command,
    settings_of,
    train_command,
)


def evaluation(*arguments: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_evaluate_arguments(parser)
    return parser.parse_args(["somewhere", "--task", "addition", *arguments])


def test_every_combination_is_measured() -> None:
    ways = settings_of(
        evaluation("--recipes", "a,b", "--steps", "0,3", "--block-lengths", "0,16", "--eos-last")
    )
    assert len(ways) == 8
    assert {(w.recipe, w.steps, w.block_length) for w in ways} == {
        (recipe, steps, block) for recipe in "ab" for steps in (0, 3) for block in (None, 16)
    }
    assert all(way.eos_last for way in ways)


def test_temperatures() -> None:
    ways = settings_of(evaluation("--temperatures", "0,0.5"))
    assert [way.temperature for way in ways] == [0, 0.5]


@pytest.mark.parametrize("option", ["--steps", "--block-lengths", "--temperatures"])
@pytest.mark.parametrize("value", ["x", "1,", "-1", "nan"])
def test_bad_numbers_name_their_option(option: str, value: str) -> None:
    with pytest.raises(InputError, match=option):
        settings_of(evaluation(f"{option}={value}"))


def test_train_and_evaluate_from_the_command_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = tmp_path / "model"
    parser = argparse.ArgumentParser()
    add_train_arguments(parser)
    common = ["--task", "addition", "--output", str(model), "--device", "cpu"]
    train_command(parser.parse_args([*common, "--steps", "2", "--width", "32", "--heads", "2"]))
    options = evaluation("--count", "2", "--steps", "1", "--card")
    options.model, options.csv, options.plot = model, tmp_path / "t.csv", tmp_path / "t.svg"
    report = evaluate_command(options)
    printed = capsys.readouterr().out
    assert "llada/low_confidence" in printed
    assert f"ELBO {report.elbo_nats_per_token:.4f} nats per token" in printed
    card = (model / "README.md").read_text()
    assert "python manage.py evaluate model --task addition" in card
    assert "--steps 2 --seed 0 --width 32 --heads 2" in card
    assert (tmp_path / "t.csv").exists()
    assert "<svg" in (tmp_path / "t.svg").read_text()
