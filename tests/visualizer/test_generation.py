"""Generations started from plain Python, followed to their end, and stopped."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth.models import User

from core import generation
from core.generation import Collected, Generation, Prompt, Settings
from inference import registry
from inference.catalog import RECIPES
from inference.engine.decoding.recipes import recipe_named
from inference.errors import UnmaskError
from inference.events import events_after
from inference.models import ModelEntry, StreamEvent
from tests.slices import short_slices
from visualizer import models as rows
from visualizer.services.generations import GENERATOR
from visualizer.worker import generation as worker
from visualizer.worker import slices, tasks
from visualizer.worker.generation import work

pytestmark = pytest.mark.django_db
SHIPPED = ("stories", "addition", "sudoku", "infill")


@pytest.fixture(autouse=True)
def shipped(db: None) -> None:
    registry.sync_models()


@pytest.fixture
def generate(sent: list[Any], owner: User) -> Any:
    """generate(prompt, …) → what was started and all of its events, worked as workers would."""

    def make(prompt: Prompt, model: str = "stories", **settings: Any) -> tuple[Any, Collected]:
        made = generation.start(
            user=owner, model=model, prompt=prompt, settings=Settings(**settings)
        )
        work_all(made)
        return made, collected(made)

    return make


def work_all(made: Generation) -> None:
    work(made.id)
    row = rows.Generation.objects.get(pk=made.id)
    while row.status in rows.Generation.ACTIVE:
        tasks.advance_session(str(row.session_id))
        row.refresh_from_db()


def collected(made: Generation) -> Collected:
    found = Collected()
    for event in events_after(made.stream, 0, 5000):
        found.add(event)
    return found


def example(slug: str) -> dict[str, Any]:
    found: dict[str, Any] = ModelEntry.objects.get(slug=slug).card["examples"][0]
    return found


@pytest.mark.parametrize("slug", SHIPPED)
def test_text_events_join_to_the_text(generate: Any, slug: str) -> None:
    prompt = Prompt(text=example(slug)["prompt"], special_tokens=True)
    length = example(slug).get("gen_length")  # None: the masks of the prompt are all that there is
    made, found = generate(prompt, slug, max_new_tokens=length and min(24, length))
    assert found.done is not None
    assert found.text == found.done["text"] != ""
    assert found.drafts > 3
    assert made.kind == "diffusion"


def revising() -> list[str]:
    """Recipes of the catalogue that rewrite what they wrote."""
    return [n for n in RECIPES if recipe_named(n).revise is not None and not recipe_named(n).edits]


def test_a_recipe_that_revises_settles_what_cannot_change(generate: Any) -> None:
    offered = [n for n in revising() if n in ("remdm", "wino")]
    assert offered
    for recipe in offered:
        _, found = generate(Prompt(text="Once upon a time"), recipe=recipe, max_new_tokens=16)
        assert found.done is not None
        assert found.text == found.done["text"]


def test_a_generation_is_a_session_of_its_owner_s(generate: Any, owner: User) -> None:
    made, found = generate(Prompt(text="Once upon a time"), max_new_tokens=16)
    row = rows.Generation.objects.get(pk=made.id)
    assert row.session is not None
    assert row.session.owner == owner
    assert found.done is not None
    assert found.done["url"].endswith(f"/{row.session_id}/")
    assert found.done["usage"]["steps"] == rows.Step.objects.filter(run=row.run).count() > 0
    assert found.done["finish_reason"] in ("stop", "length")


def test_an_answer_ends_before_a_stop_text(generate: Any) -> None:
    _, whole = generate(Prompt(text="Once upon a time"), max_new_tokens=24, seed=3)
    assert len(whole.text) > 8
    cut = whole.text[4:7]
    _, found = generate(Prompt(text="Once upon a time"), max_new_tokens=24, seed=3, stop=(cut,))
    assert found.text == whole.text[: whole.text.index(cut)]
    assert found.done is not None
    assert found.done["finish_reason"] == "stop"


def texts(made: Generation) -> list[Any]:
    """By what the text grew, piece by piece."""
    return [event.payload for event in events_after(made.stream, 0, 5000) if event.type == "text"]


def test_a_step_that_was_rolled_back_with_another_s_tells_its_text_all_the_same(
    generate: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the first attempt changed in memory must not hide from the second what is to be told."""
    plain, whole = generate(Prompt(text="Once upon a time"), max_new_tokens=16, seed=3)

    stored = slices._store

    def lost(steps: Any) -> None:
        stored(steps)
        raise LookupError

    class TwiceEach:
        def write(self, item: Any) -> None:
            with monkeypatch.context() as patch, suppress(LookupError):
                patch.setattr(slices, "_store", lost)
                slices._write_all([item])
            slices._write_all([item])

    monkeypatch.setattr(slices, "STEPS", TwiceEach())
    made, found = generate(Prompt(text="Once upon a time"), max_new_tokens=16, seed=3)
    assert found.text == whole.text != ""
    assert texts(made) == texts(plain)
    numbers = [event.number for event in events_after(made.stream, 0, 5000)]
    assert numbers == list(range(1, len(numbers) + 1))


def test_gaps_between_pieces_are_filled(generate: Any) -> None:
    pieces = ("Leo was in the", "and he was very happy.")
    _, found = generate(Prompt(pieces=pieces, gaps=(4,)), "infill")
    assert found.done is not None
    assert len(found.done["usage"]["gaps"]) == 1


def test_a_failure_is_the_last_event(generate: Any) -> None:
    _, found = generate(Prompt(text="Once"), max_new_tokens=5000)
    assert found.done is None
    assert found.error is not None
    assert found.error["field"] == "max_new_tokens"
    assert {"message", "error_type", "retryable", "correlation_id"} <= found.error.keys()


def test_what_a_model_was_not_trained_on_is_refused(generate: Any) -> None:
    _, found = generate(Prompt(messages=({"role": "user", "content": "hi"},)))
    assert found.error is not None
    assert found.error["field"] == "messages"


def test_stopping_keeps_what_was_made(owner: User, sent: list[Any], monkeypatch: Any) -> None:
    short_slices(monkeypatch)
    made = generation.start(user=owner, model="stories", prompt=Prompt(text="Once upon a time"))
    work(made.id)
    row = rows.Generation.objects.get(pk=made.id)
    tasks.advance_session(str(row.session_id))
    generation.stop(user=owner, id=made.id)
    work_all(made)
    found = collected(made)
    assert found.done is not None
    assert found.done["finish_reason"] == "cancelled"
    assert rows.Step.objects.filter(run=row.run).exists()


def test_stopping_while_a_worker_loads_the_model(
    owner: User, sent: list[Any], monkeypatch: Any
) -> None:
    """The session is begun after the worker has looked whether somebody wants an end."""
    made = generation.start(user=owner, model="stories", prompt=Prompt(text="Once upon a time"))
    load = worker.runtime.load

    def stopped_meanwhile(entry: Any) -> Any:
        generation.stop(user=owner, id=made.id)
        return load(entry)

    monkeypatch.setattr(worker.runtime, "load", stopped_meanwhile)
    worker.work(made.id)
    monkeypatch.setattr(worker.runtime, "load", load)
    work_all(made)
    assert_nothing_was_made(made)


def test_stopping_what_was_begun_since_it_was_read(
    owner: User, sent: list[Any], monkeypatch: Any
) -> None:
    made = generation.start(user=owner, model="stories", prompt=Prompt(text="Once upon a time"))
    read = GENERATOR.owned(owner, made.id)
    worker.work(made.id, go_on=lambda session: None)
    with monkeypatch.context() as patch:
        patch.setattr(GENERATOR, "owned", lambda user, id: read)
        GENERATOR.stop(user=owner, id=made.id)
    work_all(made)
    assert_nothing_was_made(made)


def assert_nothing_was_made(made: Generation) -> None:
    found = collected(made)
    assert found.done is not None
    assert found.done["finish_reason"] == "cancelled"
    assert not rows.Step.objects.filter(
        run__in=rows.Generation.objects.filter(pk=made.id).values("run")
    ).exists()


def test_stopping_before_a_worker_came(owner: User, sent: list[Any]) -> None:
    made = generation.start(user=owner, model="stories", prompt=Prompt(text="Once upon a time"))
    generation.stop(user=owner, id=made.id)
    work(made.id)
    assert collected(made).done is not None
    assert not rows.Session.objects.exists()


def test_strangers_find_nothing(generate: Any, friend: User, stranger: User) -> None:
    made, _ = generate(Prompt(text="Once"), max_new_tokens=4)
    for user in (friend, stranger):
        for call in (generation.find, generation.stop):
            with pytest.raises(UnmaskError) as refused:
                call(user=user, id=made.id)
            assert refused.value.error_type == "not_found"
    with pytest.raises(UnmaskError):
        generation.find(user=stranger, id="not an id")


def test_a_generation_that_was_abandoned_goes_on(owner: User, sent: list[Any]) -> None:
    from core.jobs import reaper

    made = generation.start(user=owner, model="stories", prompt=Prompt(text="Once"))
    sent.clear()
    reaper.reap()
    assert ("visualizer.generate", str(made.id)) in sent


@pytest.mark.django_db(transaction=True)
def test_following_gives_every_event_once(generate: Any, owner: User) -> None:
    made, whole = generate(Prompt(text="Once upon a time"), max_new_tokens=12)

    async def followed(after: int) -> list[int]:
        return [event.number async for event in generation.follow(made, after) if event is not None]

    numbers = async_to_sync(followed)(0)
    assert numbers == list(range(1, len(numbers) + 1))
    assert async_to_sync(followed)(numbers[-3]) == numbers[-2:]
    assert async_to_sync(generation.collect)(made, owner, 10.0).text == whole.text


@pytest.mark.django_db(transaction=True)
def test_who_comes_after_pruning_is_told_the_text(generate: Any) -> None:
    made, whole = generate(Prompt(text="Once upon a time"), max_new_tokens=12)
    StreamEvent.objects.filter(stream=made.stream).delete()

    async def events() -> list[Any]:
        return [event async for event in generation.follow(made) if event is not None]

    told, end = async_to_sync(events)()
    assert (told.type, told.payload["text"]) == ("snapshot", whole.text)
    assert (end.type, end.payload) == ("done", whole.done)
