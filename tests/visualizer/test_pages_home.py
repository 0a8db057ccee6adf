"""The first page: recorded runs at rest, examples that run at one click, masks as boxes."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client

from core.commands import ask
from core.worker import executor
from inference import registry
from inference.engine.corpora import sudoku
from inference.models import ModelEntry
from tests.visualizer.fakes import MASK, FakeRuntime
from visualizer.commands import COMMANDS
from visualizer.models import Run, Session
from visualizer.selectors.recordings import recorded
from visualizer.worker import tasks
from visualizer.worker.recordings import wrong_cells

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands of pages are worked off while they wait."""
    real = ask.submit

    def submit(*given: Any, **named: Any) -> Any:
        command = real(*given, **named)
        if command.session_id:
            tasks.advance_session(str(command.session_id))
        else:
            executor.execute(COMMANDS, command.pk)
        command.refresh_from_db()
        return command

    monkeypatch.setattr(ask, "submit", submit)


def with_card(entry: ModelEntry, **card: Any) -> None:
    ModelEntry.objects.filter(pk=entry.pk).update(card=card)


def test_one_click_on_an_example_starts_and_runs_it(
    owner_client: Client, entry: ModelEntry, real: FakeRuntime, sent: list[Any]
) -> None:
    usual = {"recipe": "rank/left_to_right", "temperature": 0.0, "tokens_per_step": 1}
    with_card(entry, examples=[{"prompt": "once upon a time", "gen_length": 4}], decoding=usual)
    page = owner_client.get("/").content.decode()
    assert 'name="run_example" value="0"' in page
    answer = owner_client.post("/", {"run_example": "0", "model": entry.slug})
    session = Session.objects.get()
    assert answer["Location"] == f"/sessions/{session.pk}/"
    run = Run.objects.get(session=session)
    assert (run.recipe, run.parameters) == ("rank/left_to_right", {"temperature": 0.0})


def test_an_example_without_a_run_only_starts(
    owner_client: Client, entry: ModelEntry, runtime: FakeRuntime, sent: list[Any]
) -> None:
    with_card(entry, examples=[{"prompt": "once", "gen_length": 4}])
    owner_client.post("/", {"example": "0", "model": entry.slug})
    assert Session.objects.count() == 1
    assert not Run.objects.exists()


def test_masks_are_boxes_in_the_prompt_box_and_masks_for_the_model(
    owner_client: Client, entry: ModelEntry, runtime: FakeRuntime, monkeypatch: Any
) -> None:
    read = runtime.model.tokenizer.encode_prompt
    monkeypatch.setattr(
        runtime.model.tokenizer,
        "encode_prompt",
        lambda text, special=False: read(text.replace("[MASK]", "_"), special),
    )
    with_card(entry, examples=[{"prompt": "a[MASK]b", "gen_length": 1, "special_tokens": True}])
    page = owner_client.get("/").content.decode()
    assert 'data-example="a▢b"' in page
    assert "[MASK]" not in page
    sent = {"prompt": "a▢b▢", "special_tokens": "on", "gen_length": "1", "model": entry.slug}
    owner_client.post("/", sent)
    session = Session.objects.get()
    assert session.prompt_ids[1] == session.prompt_ids[3] == MASK
    again = owner_client.get(f"/?from={session.pk}").content.decode()
    assert "a▢b▢</textarea>" in again


def test_a_box_is_a_character_where_special_tokens_do_not_count(
    owner_client: Client, entry: ModelEntry, runtime: FakeRuntime
) -> None:
    owner_client.post("/", {"prompt": "a▢b", "gen_length": "1", "model": entry.slug})
    assert Session.objects.get().prompt == "a▢b"


def test_the_first_page_shows_the_recorded_runs_with_what_was_measured(
    owner_client: Client, entry: ModelEntry
) -> None:
    ModelEntry.objects.filter(is_shipped=True).delete()
    assert "showcase-head" not in owner_client.get("/").content.decode()
    registry.sync_models()
    page = owner_client.get("/").content.decode()
    told = recorded("sudoku")
    assert told
    for row in told["measured"]["rows"]:
        solved = round(row["exact"] * told["measured"]["cases"])
        assert f"solves {solved} of {told['measured']['cases']} puzzles" in page
    assert page.count('class="mini') == 72
    assert 'name="run_recorded" value="1" id="showcase-run"' in page


def test_the_recordings_are_what_the_models_write(tmp_path: Any, db: None) -> None:
    """Made again by the command: the same cells in the same order; fewer cases are measured."""
    call_command("record_showcase", to=tmp_path, cases=6, verbosity=0)
    for path in sorted(tmp_path.glob("*.json")):
        fresh, kept = json.loads(path.read_text()), recorded(path.stem)
        assert kept
        assert {**fresh, "measured": 0} == {**kept, "measured": 0}
        assert all(run["frames"] for run in kept["runs"])


def test_wrong_cells_are_those_that_the_one_solution_has_otherwise() -> None:
    puzzle = "5....2.145......2....6..46325..5..3."
    solved = next(sudoku.solutions(puzzle))
    assert wrong_cells(puzzle, solved) == []
    assert wrong_cells(puzzle, solved[:1] + solved[2] + solved[1] + solved[3:]) == [1, 2]


def test_the_recorded_case_shows_what_its_figure_says() -> None:
    """The first measured case that the orders tell apart: one is right, the other is not."""
    told = recorded("sudoku")
    assert told
    right, wrong = told["runs"]
    assert right["wrong"] == []
    assert wrong["wrong"]
    assert told["measured"]["shown"] < told["measured"]["cases"]


def test_a_verdict_is_said_and_its_cells_are_marked(
    owner_client: Client, entry: ModelEntry
) -> None:
    registry.sync_models()
    told = recorded("sudoku")
    assert told
    page, wrong = owner_client.get("/").content.decode(), told["runs"][1]["wrong"]
    assert page.count("every cell right</p>") == 1
    assert page.count(f"{len(wrong)} of {len(told['runs'][1]['frames'])} cells wrong</p>") == 1
    assert len(re.findall(r'class="mini[^"]* wrong"', page)) == len(wrong)


def test_the_prompt_is_focused_by_a_script_that_knows_touch_from_keys(
    owner_client: Client, entry: ModelEntry
) -> None:
    """An autofocus scrolls the picture away on a phone."""
    page = owner_client.get("/").content.decode()
    assert "autofocus" not in page
    assert "data-focus" in page


def test_run_it_yourself_runs_the_recorded_example(
    owner_client: Client, entry: ModelEntry, sent: list[Any]
) -> None:
    registry.sync_models()
    told = recorded("sudoku")
    assert told
    asked = {"run_recorded": "1", "model": "sudoku"}
    assert owner_client.post("/", asked).status_code == 302
    session = Session.objects.get()
    assert (session.model.slug, session.special_tokens) == ("sudoku", True)
    assert session.prompt == told["example"]["prompt"]
    assert Run.objects.get(session=session).recipe == "llada/low_confidence"
