"""The command lines: options become orders and settings, and files are written."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from django.core.management import CommandError, call_command

from inference.engine.errors import InputError
from inference.engine.training.cli import (
    add_evaluate_arguments,
    add_train_arguments,
    evaluate_command,
    settings_of,
    train_command,
)
from inference.engine.training.run import Order, command_of, plan_of
from inference.engine.training.tasks import TASKS


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


@pytest.mark.parametrize(
    "option", ["--minutes", "--steps", "--batch-size", "--learning-rate", "--width", "--threads"]
)
@pytest.mark.parametrize("value", ["0", "-1", "x", "nan", "inf"])
def test_training_needs_more_than_nothing(
    option: str, value: str, capsys: pytest.CaptureFixture[str]
) -> None:
    parser = argparse.ArgumentParser()
    add_train_arguments(parser)
    with pytest.raises(SystemExit):
        parser.parse_args(["--task", "addition", "--output", "m", f"{option}={value}"])
    assert f"argument {option}: must be" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words",
    [
        "--seed -1", f"--seed {2**63}", f"--width {2**40}", f"--layers {2**40}", "--rank 1025",
        f"--batch-size {2**40}", f"--threads {2**40}", "--block 1025", "--questions 31",
    ],
)  # fmt: skip
def test_numbers_that_no_machine_has_room_for_are_refused_at_once(
    words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    option, value = words.split()
    parser = argparse.ArgumentParser()
    add_train_arguments(parser)
    with pytest.raises(SystemExit):
        parser.parse_args(["--task", "addition", "--output", "m", f"{option}={value}"])
    assert f"argument {option}: must be" in capsys.readouterr().err


SMALL = ["train_diffusion", "--task", "addition", "--width=16", "--layers=1", "--heads=2",
         "--batch-size=4"]  # fmt: skip


def trained(folder: Path, *words: str) -> None:
    call_command(*SMALL, "--steps=2", f"--output={folder}", *words)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--heads=3"], "multiple of twice the number of heads"),
        (["--width=8192", "--layers=256", "--heads=2"], "more than 300,000,000 weights"),
        (["--start-from=nowhere/at-all"], r"model\.safetensors is missing"),
    ],
)
def test_orders_that_make_no_model_are_told(
    words: list[str], told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(CommandError, match=told):
        trained(tmp_path / "m", *words)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(CommandError, match="no CUDA device"):
        trained(tmp_path / "m", "--device=cuda")


def test_an_output_that_cannot_be_written_is_told_before_the_training(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    for name in ("file", "file/below", "link", "x" * 300):
        with pytest.raises(CommandError, match="Nothing can be written to"):
            trained(tmp_path / name)


def test_no_model_and_no_training_is_written_over(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "config.json").write_text("{}")
    trained(tmp_path / "first")
    for name in ("mine", "first"):
        with pytest.raises(CommandError, match="holds a model or a training already"):
            trained(tmp_path / name)
    trained(tmp_path / "first", "--resume")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("--width=32", "begun with width 16, not 32"),
        ("--layers=2", "begun with layers 1, not 2"),
        ("--batch-size=2", "begun with batch_size 4, not 2"),
        ("--seed=5", "begun with seed 0, not 5"),
        ("--learning-rate=0.5", "begun with learning_rate"),
    ],
)
def test_other_settings_do_not_go_on_with_a_training(words: str, told: str, tmp_path: Path) -> None:
    trained(tmp_path)
    with pytest.raises(CommandError, match=told):
        trained(tmp_path, "--resume", words)


def _state(folder: Path, **values: object) -> None:
    path = folder / "checkpoint" / "training.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


BROKEN: dict[str, Callable[[Path], object]] = {
    "no JSON": lambda folder: (folder / "checkpoint" / "training.json").write_text("{"),
    "a list": lambda folder: (folder / "checkpoint" / "training.json").write_text("[]"),
    "nothing": lambda folder: (folder / "checkpoint" / "training.json").write_text("{}"),
    "another file's name": lambda folder: _state(folder, tensors="nothing.safetensors"),
    "cut off": lambda folder: [
        path.write_bytes(path.read_bytes()[:500])
        for path in folder.glob("checkpoint/*.safetensors")
    ],
}


@pytest.mark.parametrize("what", BROKEN)
def test_a_broken_checkpoint_is_told(what: str, tmp_path: Path) -> None:
    trained(tmp_path)
    BROKEN[what](tmp_path)
    with pytest.raises(CommandError, match="checkpoint cannot be read"):
        trained(tmp_path, "--resume")


def test_a_loss_that_is_no_number_makes_no_model(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="train more slowly"):
        call_command(*SMALL, "--steps=8", "--learning-rate=1e30", f"--output={tmp_path}")
    assert not (tmp_path / "model.safetensors").exists()


def test_an_evaluation_needs_a_case(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        evaluation("--count", "0")
    assert "argument --count: must be above 0" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("command", "option"),
    [
        (["evaluate", "m", "--task", "addition"], "--count"),
        (["train_diffusion", "--task", "addition", "--output", "m"], "--minutes"),
    ],
)
def test_the_commands_say_so_in_their_own_way(command: list[str], option: str) -> None:
    with pytest.raises(CommandError, match=f"argument {option}: must be above 0"):
        call_command(*command, f"{option}=0")


def test_the_command_of_a_card_repeats_what_was_chosen() -> None:
    task = TASKS["addition"]
    order = Order(steps=3, seed=2, batch_size=4, learning_rate=0.001, sizes={"width": 32})
    told = command_of(task, plan_of(task, order), order)
    assert told.endswith("--steps 3 --seed 2 --batch-size 4 --learning-rate 0.001 --width 32")
    plain = Order(steps=3)
    assert command_of(task, plan_of(task, plain), plain).endswith("--steps 3 --seed 0")


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
