"""The lessons: what they say is true of their recordings, and their pages work by themselves."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from inference import registry
from inference.catalog import RECIPES
from inference.engine.canvas import Canvas
from inference.engine.corpora import sudoku
from inference.engine.decoding.loop import generate
from inference.engine.tokenization import checked_prompt
from inference.models import ModelEntry, WorkerBeat
from tests.visualizer.fakes import FakeRuntime
from visualizer.lessons.catalog import LESSONS
from visualizer.lessons.lesson import Lesson, Variant
from visualizer.lessons.recordings import recorded
from visualizer.models import Command
from visualizer.views import starts
from visualizer.views.learn import form_of, lesson_run
from visualizer.worker.lesson_recordings import loaded

pytestmark = pytest.mark.django_db
RUNS = [(lesson, one) for lesson in LESSONS.values() for one in lesson.variants]
NAMES = [f"{lesson.slug}/{one.name}" for lesson, one in RUNS]
ONE_OF_EACH = [RUNS[NAMES.index(name)] for name in (
    "mask-and-guess/sum", "mask-and-guess/sentence", "order-matters/random",
    "too-many-at-once/eight", "early-mistakes/never", "early-mistakes/doubt", "gaps/many",
)]  # fmt: skip


@pytest.mark.parametrize("lesson", LESSONS.values(), ids=LESSONS)
def test_one_answer_is_right_and_all_are_told_why(lesson: Lesson) -> None:
    assert sum(one.right for one in lesson.choices) == 1
    assert all(one.reply for one in lesson.choices)
    assert len({one.name for one in lesson.variants}) == len(lesson.variants)


@pytest.mark.parametrize(("lesson", "variant"), RUNS, ids=NAMES)
def test_a_variant_has_only_parameters_that_its_recipe_reads(
    lesson: Lesson, variant: Variant
) -> None:
    assert set(variant.parameters) <= set(RECIPES[variant.recipe].uses)


@pytest.mark.parametrize(("lesson", "variant"), ONE_OF_EACH)
def test_the_recordings_are_what_the_models_write(lesson: Lesson, variant: Variant) -> None:
    told = recorded(lesson.slug)
    run = told["variants"][variant.name]
    model = loaded(run["model"])
    assert model.tokenizer is not None
    assert model.spec.mask_id is not None
    ids = checked_prompt(
        model.tokenizer, run["prompt"], run["special_tokens"], model.spec.vocab_size
    )
    start = Canvas.start(ids, run["gen_length"] or 0, model.spec.mask_id)
    made = list(generate(model, start, variant.recipe, variant.parameters, told["seed"]))
    assert [_told(step.operations) for step in made] == [
        _told(draft["ops"]) for draft in run["drafts"][1:]
    ]


def _told(operations: Any) -> list[Any]:
    return [(one["op"], one["slot"], one.get("new")) for one in operations]


@pytest.mark.parametrize("slug", [slug for slug, one in LESSONS.items() if one.tells])
def test_the_measured_figures_say_what_the_lesson_says(slug: str) -> None:
    lesson, told = LESSONS[slug], recorded(slug)
    assert lesson.tells
    better, worse = lesson.tells
    rows = told["measured"]["rows"]
    assert set(rows) == {one.name for one in lesson.variants}
    assert rows[better]["solved"] > 2 * rows[worse]["solved"]
    assert told["variants"][better]["wrong"] == []
    assert told["variants"][worse]["wrong"]
    for run in told["variants"].values():
        puzzle = "".join(
            label if given else sudoku.OPEN
            for label, given in zip(
                run["drafts"][0]["canvas"], run["drafts"][0]["given"], strict=True
            )
        )
        assert "".join(run["expected"]) == next(sudoku.solutions(puzzle))


def test_what_the_lessons_claim_of_their_texts() -> None:
    ends = recorded("temperature")["variants"]["ends"]
    assert {op["label"] for draft in ends["drafts"][1:10] for op in draft["ops"]} == {
        "<|endoftext|>"
    }
    gaps = recorded("gaps")["variants"]
    lengths = {
        name: len(run["end"]) - len(run["drafts"][0]["canvas"]) for name, run in gaps.items()
    }
    assert lengths["one"] > 0 > lengths["many"]
    assert lengths["fixed"] == 0


@pytest.mark.parametrize("slug", LESSONS)
def test_every_lesson_shows_each_of_its_runs(
    owner_client: Client, entry: ModelEntry, slug: str
) -> None:
    registry.sync_models()
    for variant in LESSONS[slug].variants:
        answer = owner_client.get(f"/learn/{slug}/", {"variant": variant.name})
        page = answer.content.decode()
        assert answer.status_code == 200
        run = recorded(slug)["variants"][variant.name]
        assert len(re.findall('class="lesson-cell[ "]', page)) == len(run["end"])
        assert json.loads(_script(page))["drafts"] == run["drafts"]


def _script(page: str) -> str:
    begin = page.index('<script id="lesson-run" type="application/json">')
    return page[page.index(">", begin) + 1 : page.index("</script>", begin)]


def test_the_question_checks_itself(owner_client: Client, entry: ModelEntry) -> None:
    address, lesson = "/learn/gaps/", LESSONS["gaps"]
    assert "verdict" not in owner_client.get(address).content.decode()
    for number, choice in enumerate(lesson.choices):
        page = owner_client.get(address, {"answer": number}).content.decode()
        assert ("✓ Right." in page) == choice.right
        assert ("✗ Not quite." in page) != choice.right


@pytest.mark.parametrize("answer", ["", "9", "-1", "x", "1e3", "٣"])
@pytest.mark.parametrize("variant", ["", "nobody", "<b>"])
def test_what_no_page_sends_is_answered_all_the_same(
    owner_client: Client, entry: ModelEntry, answer: str, variant: str
) -> None:
    found = owner_client.get("/learn/gaps/", {"answer": answer, "variant": variant})
    assert found.status_code == 200
    assert 'id="verdict"' not in found.content.decode()


def test_unknown_lessons_are_not_there_and_nobody_learns_without_an_account(
    owner_client: Client, client: Client, settings: Any
) -> None:
    assert owner_client.get("/learn/magic/").status_code == 404
    assert owner_client.post("/learn/magic/").status_code == 404
    settings.ALLOW_GUESTS = False
    assert client.get("/learn/").status_code == 302
    assert client.get("/learn/gaps/").status_code == 302


def test_it_runs_live_only_where_somebody_could_answer(
    owner_client: Client, entry: ModelEntry, settings: Any
) -> None:
    registry.sync_models()
    WorkerBeat.objects.all().delete()
    assert json.loads(_script(owner_client.get("/learn/gaps/").content.decode()))["live"] is None
    WorkerBeat.objects.create(name="w", device="cpu", seen=timezone.now())
    told = json.loads(_script(owner_client.get("/learn/gaps/").content.decode()))["live"]
    assert told["recipe"] == "dreamon"
    assert told["model"] == "infill"
    settings.DIFFUSION_LLM_ENABLED = False
    assert json.loads(_script(owner_client.get("/learn/gaps/").content.decode()))["live"] is None


@pytest.mark.parametrize(("lesson", "variant"), RUNS, ids=NAMES)
def test_a_session_is_begun_with_the_lessons_own_settings(lesson: Lesson, variant: Variant) -> None:
    told = starts.run_message(lesson_run(lesson, variant), {})
    assert told == {"recipe": variant.recipe, "parameters": dict(variant.parameters)}
    form, run = form_of(lesson, variant), recorded(lesson.slug)["variants"][variant.name]
    assert form["prompt"] == run["prompt"]
    assert form["model"] == run["model"]


@pytest.mark.parametrize("run", ["1", "gaps/", "gaps/nobody", "nobody/one", "/", "gaps"])
def test_a_run_that_no_lesson_has_is_that_of_the_card(run: str) -> None:
    told = starts.run_message(run, {"decoding": {"recipe": "dreamon"}})
    assert told["recipe"] == "dreamon"


def test_make_it_a_session_begins_one_with_the_lessons_run(
    owner_client: Client, entry: ModelEntry, runtime: FakeRuntime
) -> None:
    registry.sync_models()
    answer = owner_client.post("/learn/gaps/", {"variant": "many"})
    command, run = Command.objects.get(), recorded("gaps")["variants"]["many"]
    assert answer["Location"] == f"/starting/{command.pk}/?run=gaps%2Fmany"
    assert command.message["prompt"] == run["prompt"]
    assert command.message["model"] == "infill"
    assert command.message["special_tokens"] is True
