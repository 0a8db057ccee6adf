"""Evaluation: the table, its files and the card hold what was measured."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from inference.engine.checkpoint import LoadedModel, load
from inference.engine.errors import InputError
from inference.engine.training.card import write_card
from inference.engine.training.decode import Outcome, Settings, decode, parameters
from inference.engine.training.evaluation import Report, evaluate, mean_marks, native_tokenizer
from inference.engine.training.run import Order, train
from inference.engine.training.tables import text_table, write_csv, write_plot
from inference.engine.training.task import Case
from inference.engine.training.tasks import TASKS

TASK = TASKS["addition"]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> LoadedModel:
    folder = tmp_path_factory.mktemp("model")
    train(TASK, folder, Order(steps=2))
    return load(folder, dtype="float32")


@pytest.fixture(scope="module")
def report(model: LoadedModel) -> Report:
    ways = [Settings("llada/low_confidence", steps) for steps in (0, 3)]
    return evaluate(model, TASK, [*ways, Settings("rank/left_to_right", 1)], count=4)


def test_passes_follow_from_the_steps(report: Report) -> None:
    assert [row.passes for row in report.rows] == [9, 3, 1]
    assert [row.tokens_per_forward for row in report.rows] == [1, 3, 9]
    assert all(0 <= mark <= 1 for row in report.rows for mark in row.marks.values())
    assert report.elbo_nats_per_token > 1  # two steps of training: near the log of ten


def test_a_case_keeps_its_prompt(model: LoadedModel) -> None:
    case = TASK.cases(native_tokenizer(model), 1, 0)[0]
    outcome = decode(model, case, Settings("llada/random"))
    assert outcome.ids[: len(case.prompt_ids)] == case.prompt_ids
    assert (len(outcome.ids), outcome.passes, outcome.tokens) == (27, 9, 9)


def test_masks_inside_a_prompt_are_filled_and_counted(model: LoadedModel) -> None:
    mask = model.spec.mask_id
    case = Case([4, mask, 5, mask], 0, lambda ids: {"exact": 1.0})
    outcome = decode(model, case, Settings("llada/low_confidence"))
    assert isinstance(outcome, Outcome)
    assert outcome.tokens == 2
    assert outcome.ids[0] == 4
    assert mask not in outcome.ids


def test_the_same_seed_gives_the_same_marks(model: LoadedModel, report: Report) -> None:
    again = evaluate(model, TASK, [row.settings for row in report.rows], count=4)
    assert [row.marks for row in again.rows] == [row.marks for row in report.rows]
    assert again.elbo_nats_per_token == report.elbo_nats_per_token


def test_unknown_recipes_are_refused_before_any_work(model: LoadedModel) -> None:
    with pytest.raises(InputError, match="nosuch"):
        evaluate(model, TASK, [Settings("nosuch")], count=1)


def test_only_parameters_that_a_recipe_reads_are_handed_over() -> None:
    warm = Settings("rank/left_to_right", steps=3, temperature=0.5)
    assert parameters(warm, 9) == {
        "tokens_per_step": 3,
        "temperature": 0.5,
        "block_length": None,
        "eos_last": False,
    }
    assert "block_length" not in parameters(Settings("fastdllm/threshold"), 9)


def test_mean_marks() -> None:
    assert mean_marks([{"a": 1.0, "b": 0.0}, {"a": 0.0, "b": 0.0}]) == {"a": 0.5, "b": 0.0}


def test_table_csv_and_plot(report: Report, tmp_path: Path) -> None:
    lines = text_table(report.rows, TASK.aims).splitlines()
    assert len(lines) == 4
    assert lines[0].endswith("digits")
    write_csv(tmp_path / "t.csv", report, TASK)
    with (tmp_path / "t.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["recipe"] for row in rows] == [row.settings.recipe for row in report.rows]
    assert float(rows[0]["exact"]) == report.rows[0].marks["exact"]
    write_plot(tmp_path / "t.png", report, TASK)
    assert (tmp_path / "t.png").read_bytes().startswith(b"\x89PNG")


def test_the_card_is_written_from_the_measurement(model: LoadedModel, report: Report) -> None:
    folder = Path(model.path)
    write_card(folder, TASK, [report], ["a command"])
    text = (folder / "README.md").read_text()
    for row in report.rows:
        assert f"| {row.marks['exact']:.3f} | {row.marks['digits']:.3f} |" in text
    assert "a command" in text
    assert "2 steps of 128 documents" in text
    stored = json.loads((folder / "unmask.json").read_text())["quality"][0]
    assert stored.pop("command") == "a command"
    assert Report.from_json(stored) == report
