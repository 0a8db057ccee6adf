"""The command's page, pictures and files hold what was measured: a small grid."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from pyarrow import parquet

from inference.catalog import RECIPES
from inference.engine.atlas.exact_tasks import EXACT_TASKS
from inference.engine.atlas.files import write_csv, write_parquet
from inference.engine.atlas.grid import recipes_of, ways_of
from inference.engine.atlas.journal import Journal
from inference.engine.atlas.measure import Extent, Measured, Refused, measure_unit, units
from inference.engine.atlas.report import Facts, write_report
from inference.engine.atlas.summary import front_of, summaries
from inference.model_locations import SHIPPED_DIR

RULES = ("llada/low_confidence", "rank/left_to_right", "fastdllm/threshold")
EXTENT = Extent(cases=3, seeds=(0, 1))
DOCS = Path(__file__).parents[4] / "docs"


@pytest.fixture(scope="module")
def outcome() -> list[Measured]:
    work = units(["addition", "waiting_line_shuffle"], RULES)
    found = [one for unit in work for one in measure_unit(SHIPPED_DIR, unit, EXTENT)]
    return [one for one in found if isinstance(one, Measured)]


@pytest.fixture
def page(outcome: list[Measured], tmp_path: Path) -> str:
    facts = Facts("python manage.py atlas --cases 3", 1.5, 2, EXTENT)
    write_report(tmp_path / "atlas.md", list(outcome), facts)
    return (tmp_path / "atlas.md").read_text(encoding="utf-8")


def test_every_rule_of_the_catalogue_is_on_a_grid_or_grows() -> None:
    measured = {name for task in EXACT_TASKS.values() for name in recipes_of(task)}
    left_out = set(RECIPES) - measured
    assert {"daedal", "rho_eos", "diffusion_gemma"} <= left_out
    assert len(measured) >= 50
    for task in EXACT_TASKS.values():
        assert all(list(ways_of(name, task)) for name in recipes_of(task))


def test_cases_are_the_same_in_every_way_and_others_for_every_seed(
    outcome: list[Measured],
) -> None:
    rows = summaries(outcome)
    assert {row.marks.shape for row in rows if row.task == "addition"} == {(2, 3)}
    assert len(outcome) == sum(row.marks.size for row in rows)
    one_token = [r for r in rows if r.task == "addition" and not r.way.steps]
    assert {r.passes for r in one_token if r.way.recipe != "fastdllm/threshold"} == {9.0}
    again = measure_unit(SHIPPED_DIR, ("addition", RULES[1]), EXTENT)
    assert again == [m for m in outcome if m.task == "addition" and m.recipe == RULES[1]]


def test_the_page_says_what_was_measured(
    page: str, outcome: list[Measured], tmp_path: Path
) -> None:
    rows = [row for row in summaries(outcome) if row.task == "addition"]
    assert "python manage.py atlas --cases 3" in page
    assert f"{len(outcome):,} cases decoded in" in page
    section = page.split("## Addition")[1].split("\n## ")[0]
    front = front_of(rows)
    assert section.count("\n| `") == len(front)
    for row in front:
        quality = row.quality
        shown = f"{quality.mean:.0%} ({100 * quality.low:.0f}–{100 * quality.high:.0f})"
        assert f"| {row.passes:.1f} | {row.tokens_per_pass:.2f} | {shown} |" in section
    assert all(f"`{name}`" in page for name in RULES)
    assert "`daedal` and `rho_eos` are left out: they find the length" in page
    assert "100.0% in 6" in page.split("shuffle")[-1]
    pictures = re.findall(r"!\[.*?\]\((.*?)\)", page)
    assert pictures == ["atlas/addition.svg", "atlas/waiting_line_shuffle.svg"]
    drawn = [(tmp_path / picture).read_text() for picture in pictures]
    assert all("Pareto front" in one for one in drawn)
    assert ["ceiling" in one for one in drawn] == [False, True]


def test_a_page_made_again_is_the_same(page: str, outcome: list[Measured], tmp_path: Path) -> None:
    before = (tmp_path / "atlas" / "addition.svg").read_bytes()
    facts = Facts("python manage.py atlas --cases 3", 1.5, 2, EXTENT)
    write_report(tmp_path / "atlas.md", list(outcome), facts)
    assert (tmp_path / "atlas.md").read_text(encoding="utf-8") == page
    assert (tmp_path / "atlas" / "addition.svg").read_bytes() == before


def test_files_hold_every_case(outcome: list[Measured], tmp_path: Path) -> None:
    write_csv(tmp_path / "cases.csv", outcome)
    write_parquet(tmp_path / "cases.parquet", outcome)
    with (tmp_path / "cases.csv").open(encoding="utf-8") as file:
        lines = list(csv.DictReader(file))
    table = parquet.read_table(tmp_path / "cases.parquet").to_pylist()
    assert [Measured(**line) for line in table] == outcome
    assert [float(line["mark"]) for line in lines] == [one.mark for one in outcome]


def test_unknown_tasks_are_refused() -> None:
    with pytest.raises(CommandError, match="no task nosuch"):
        call_command("atlas", "--tasks", "nosuch")


def test_marks_of_the_atlas_are_right_or_wrong() -> None:
    for task in EXACT_TASKS.values():
        assert task.mark in {"exact", "prompt"}


def test_an_interrupted_run_goes_on(outcome: list[Measured], tmp_path: Path) -> None:
    unit, refused = ("addition", RULES[0]), Refused("addition", outcome[0].way, "no")
    journal = Journal(tmp_path / "units.jsonl", EXTENT)
    journal.add(unit, [*outcome[:3], refused])
    again = Journal(tmp_path / "units.jsonl", EXTENT)
    assert again.found == {unit: [*outcome[:3], refused]}
    assert again.seconds == pytest.approx(journal.seconds, abs=1e-3)
    assert Journal(tmp_path / "units.jsonl", Extent(cases=4, seeds=(0, 1))).found == {}


def test_the_committed_page_is_one_of_the_command_s() -> None:
    page = (DOCS / "atlas.md").read_text(encoding="utf-8")
    assert "python manage.py atlas" in page
    for task in EXACT_TASKS.values():
        assert f"## {task.label}" in page
        assert (DOCS / "atlas" / f"{task.name}.svg").is_file()
