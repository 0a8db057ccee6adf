"""The first page: recorded runs at rest, examples that run at one click, masks as boxes."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from core.commands import ask
from core.commands.submit import submit
from core.worker import executor
from inference import registry
from inference.engine.corpora import sudoku
from inference.models import ModelEntry, WorkerBeat
from tests.visualizer.fakes import MASK, FakeRuntime
from visualizer.commands import COMMANDS
from visualizer.models import Command, Run, Session
from visualizer.records.exporter import record as export
from visualizer.records.importer import import_record
from visualizer.selectors.recordings import recorded
from visualizer.views import starts
from visualizer.worker import tasks
from visualizer.worker.recordings import wrong_cells

pytestmark = pytest.mark.django_db


def worked_at_once(*given: Any, **named: Any) -> Command:
    """submit, and what it asks for is done when it returns."""
    command = submit(*given, **named)
    if command.state == Command.State.PENDING and command.session_id:
        tasks.advance_session(str(command.session_id))
    elif command.state == Command.State.PENDING:
        executor.execute(COMMANDS, command.pk)
    command.refresh_from_db()
    return command


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands of pages are worked off while they wait."""
    monkeypatch.setattr(ask, "submit", worked_at_once)


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
    owner_client.post("/", sent | {"prompt": "a▢ <|mask|>"})
    other = Session.objects.exclude(pk=session.pk).get()
    again = owner_client.get(f"/?from={other.pk}").content.decode()
    assert "a▢ &lt;|mask|&gt;</textarea>" in again  # letters to this model


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


@pytest.mark.parametrize("slug", ["sudoku", "infill"])
def test_examples_with_masks_of_their_own_get_none_behind_them(
    owner_client: Client, owner: Any, entry: ModelEntry, sent: list[Any], slug: str
) -> None:
    """A grid is a grid, and a text with a gap ends where it ends."""
    registry.sync_models()
    page = owner_client.get(f"/?model={slug}").content.decode()
    assert "mdm_mask" not in page
    assert set(re.findall(r'data-length="([^"]*)"', page)) == {""}
    assert owner_client.post("/", {"run_example": "0", "model": slug}).status_code == 302
    session = Session.objects.get()
    assert session.gen_length == 0
    assert session.opened == session.prompt_ids.count(session.mask_id) > 1
    assert session.prompt_ids[-1] != session.mask_id or slug == "sudoku"
    assert f"{session.opened} masks" in owner_client.get("/").content.decode()
    again = owner_client.get(f"/?from={session.pk}").content.decode()
    assert re.search(r'name="gen_length"[^>]*value=""', again)
    record = json.loads("".join(export(session)))
    assert import_record(owner=owner, raw=record).gen_length == 0


class TestStarting:
    """A start that has to wait for its model says so, and goes on by itself."""

    @pytest.fixture(autouse=True)
    def later(self, at_once: None, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(ask, "submit", submit)
        monkeypatch.setattr(starts, "SOON", 0.0)

    def begin(self, client: Client, entry: ModelEntry, **more: str) -> str:
        with_card(entry, examples=[{"prompt": "once", "gen_length": 4}])
        answer = client.post("/", {"prompt": "once", "gen_length": "4", "model": "tiny", **more})
        assert answer.status_code == 302
        assert answer["Location"].startswith("/starting/")
        return str(answer["Location"])

    def test_it_says_how_far_the_loading_has_come(
        self, owner_client: Client, entry: ModelEntry, sent: list[Any]
    ) -> None:
        where = self.begin(owner_client, entry)
        assert "No worker is running." in owner_client.get(where).content.decode()
        WorkerBeat.objects.create(name="w", loaded=[], seen=timezone.now())
        loading = {"state": ModelEntry.State.LOADING, "progress": 0.42}
        ModelEntry.objects.filter(pk=entry.pk).update(**loading)
        page = owner_client.get(where).content.decode()
        assert "Loading Tiny: 42%." in page
        assert 'aria-valuenow="42"' in page
        panel = owner_client.get(where, headers={"HX-Request": "true"}).content.decode()
        assert "Loading Tiny: 42%." in panel
        assert "<html" not in panel

    def test_it_goes_to_the_session_and_runs_once(
        self,
        owner_client: Client,
        entry: ModelEntry,
        real: FakeRuntime,
        sent: list[Any],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        where = self.begin(owner_client, entry, run_example="0")
        executor.execute(COMMANDS, Command.objects.get().pk)
        session = Session.objects.get()
        monkeypatch.setattr(ask, "submit", worked_at_once)
        for _ in range(2):
            answer = owner_client.get(where, headers={"HX-Request": "true"})
            assert answer["HX-Redirect"] == f"/sessions/{session.pk}/"
        assert owner_client.get(where)["Location"] == f"/sessions/{session.pk}/"
        assert Run.objects.count() == 1

    def test_what_went_wrong_is_said_beside_the_form(
        self, owner_client: Client, entry: ModelEntry, runtime: FakeRuntime, sent: list[Any]
    ) -> None:
        where = self.begin(owner_client, entry, block_length="4")
        problem = {"error_type": "model_loading", "message": "The files are damaged."}
        Command.objects.update(state=Command.State.FAILED, reply=json.dumps(problem))
        panel = owner_client.get(where, headers={"HX-Request": "true"})
        assert panel["HX-Redirect"] == where
        page = owner_client.get(where)
        assert page.status_code == 400
        assert "The files are damaged." in page.content.decode()
        assert "once</textarea>" in page.content.decode()

    def test_a_stranger_has_no_such_start(
        self, owner_client: Client, stranger_client: Client, entry: ModelEntry, sent: list[Any]
    ) -> None:
        where = self.begin(owner_client, entry)
        assert stranger_client.get(where).status_code == 404
        assert Client().get(where).status_code == 404  # a fresh guest


@pytest.mark.parametrize(
    ("slug", "prompt", "said"),
    [
        ("sudoku", "hello", "characters that this model does not know. It knows masks (▢) and 1 2"),
        ("addition", "one+two=", "does not know"),
        ("sudoku", "123", "36 cells, row by row; this one has 7"),
    ],
)
def test_a_puzzle_that_is_none_is_refused(
    owner_client: Client, entry: ModelEntry, sent: list[Any], slug: str, prompt: str, said: str
) -> None:
    registry.sync_models()
    length = "4" if prompt == "123" else ""
    answer = owner_client.post("/", {"prompt": prompt, "model": slug, "gen_length": length})
    assert answer.status_code == 400
    assert said in answer.content.decode()
    assert not Session.objects.exists()
