"""The seam with a generator of a few lines: finding, stopping, following to the end."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID, uuid4

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from core import generation
from core.generation import Generation, Prompt, Settings, seam
from core.generation.follow import _rung
from inference import bells, events
from inference.errors import UnmaskError, error_shape
from inference.events import publish
from inference.models import ModelEntry, Stream, StreamEvent

pytestmark = pytest.mark.django_db(transaction=True)


class Words:
    """Its generations are streams; whose they are it keeps in memory."""

    def __init__(self) -> None:
        self.made: dict[UUID, tuple[Any, Generation]] = {}
        self.stopped: list[UUID] = []
        self.asked: list[tuple[str, Prompt, Settings]] = []
        self.end: tuple[str, dict[str, Any]] | None = None

    def start(
        self, *, user: Any, model: ModelEntry, prompt: Prompt, settings: Settings
    ) -> Generation:
        self.asked.append((model.slug, prompt, settings))
        stream = Stream.objects.create()
        made = Generation(uuid4(), "words", model.slug, stream.pk, "/words/", timezone.now())
        self.made[made.id] = user, made
        return made

    def find(self, *, user: Any, id: UUID | str) -> Generation:
        owner, made = self.made.get(UUID(str(id)), (None, None))
        if made is None or owner != user:
            raise UnmaskError("not_found", "Not here.", "id")
        return made

    def stop(self, *, user: Any, id: UUID | str) -> None:
        self.stopped.append(self.find(user=user, id=id).id)

    def snapshot(self, *, stream: UUID) -> dict[str, Any]:
        number = Stream.objects.get(pk=stream).last_number
        return {"number": number, "text": "so far", "status": "running", "end": self.end}


WORDS = Words()


@pytest.fixture
def words(monkeypatch: pytest.MonkeyPatch) -> Words:
    """The generator, and a default model of its kind."""
    WORDS.__init__()  # type: ignore[misc]
    monkeypatch.setattr(seam, "_GENERATORS", {"words": f"{__name__}.WORDS"})
    ModelEntry.objects.update(is_default=False)
    state = ModelEntry.State.LOADED
    ModelEntry.objects.create(
        slug="w", label="W", path="w", kind="words", state=state, is_default=True
    )
    return WORDS


def begun(user: User) -> Generation:
    return generation.start(user=user, model=None, prompt=Prompt(text="once"))


def told(made: Generation, *events: tuple[str, dict[str, Any]]) -> None:
    with transaction.atomic():
        for type, payload in events:
            publish(made.stream, type, payload)


def test_without_a_name_the_default_model_is_asked(words: Words, owner: User) -> None:
    begun(owner)
    generation.start(user=owner, model="w", prompt=Prompt(), settings=Settings(seed=3))
    assert words.asked == [
        ("w", Prompt(text="once"), Settings()),
        ("w", Prompt(), Settings(seed=3)),
    ]


def test_only_its_owner_finds_and_stops_a_generation(
    words: Words, owner: User, friend: User, stranger: User
) -> None:
    made = begun(owner)
    assert generation.find(user=owner, id=made.id) == made
    for user in (friend, stranger):
        for act in (generation.find, generation.stop):
            with pytest.raises(UnmaskError) as refused:
                act(user=user, id=made.id)
            assert refused.value.error_type == "not_found"
    assert words.stopped == []
    generation.stop(user=owner, id=made.id)
    assert words.stopped == [made.id]


def test_a_kind_that_no_app_answers_is_refused(
    words: Words, owner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(seam, "_GENERATORS", {})
    with pytest.raises(UnmaskError) as refused:
        begun(owner)
    assert (refused.value.error_type, refused.value.field) == ("model_unavailable", "model")


async def test_a_generation_is_gathered_from_its_events(words: Words, owner: User) -> None:
    made = await sync_to_async(begun)(owner)
    end = {"text": "once upon", "finish_reason": "stop"}
    await sync_to_async(told)(
        made, ("draft", {}), ("text", {"text": "once"}), ("text", {"text": " upon"}), ("done", end)
    )
    found = await generation.collect(made, owner)
    assert (found.text, found.drafts, found.done, found.error) == ("once upon", 1, end, None)
    assert words.stopped == []


async def test_its_error_is_raised(words: Words, owner: User) -> None:
    made = await sync_to_async(begun)(owner)
    shape = error_shape(UnmaskError("validation", "Too long.", "prompt"))
    await sync_to_async(told)(made, ("error", shape))
    with pytest.raises(UnmaskError, match=r"Too long\.") as raised:
        await generation.collect(made, owner)
    assert (raised.value.error_type, raised.value.field) == ("validation", "prompt")


@pytest.mark.parametrize("ended", [True, False])
async def test_a_snapshot_stands_for_what_was_pruned(
    words: Words, owner: User, ended: bool
) -> None:
    made = await sync_to_async(begun)(owner)
    await sync_to_async(told)(made, ("text", {"text": "a"}), ("text", {"text": "b"}))
    await StreamEvent.objects.filter(stream=made.stream).adelete()
    if ended:
        words.end = ("done", {"text": "so far"})
    else:
        await sync_to_async(told)(made, ("done", {"text": "so far"}))
        await StreamEvent.objects.filter(stream=made.stream, number__lt=3).adelete()
        words.end = ("done", {"text": "so far"})
    found = await generation.collect(made, owner)
    assert (found.text, found.done) == ("so far", {"text": "so far"})


async def test_whoever_follows_from_a_number_on_has_what_came_after(
    words: Words, owner: User
) -> None:
    made = await sync_to_async(begun)(owner)
    await sync_to_async(told)(made, ("text", {"text": "a"}), ("text", {"text": "b"}), ("done", {}))
    found = [event.number async for event in generation.follow(made, after=1) if event]
    assert found == [2, 3]


async def test_of_lost_and_doubled_bells_every_event_comes_once(
    words: Words, owner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_rung, "__defaults__", (60,))  # nobody looks but for a bell
    ring: Any = bells.send
    kept: list[Any] = []
    monkeypatch.setattr(events, "send_all", kept.extend)
    made = await sync_to_async(begun)(owner)
    found = asyncio.create_task(all_of(made))
    await asyncio.sleep(0.2)
    for text in "abc":
        await sync_to_async(told)(made, ("text", {"text": text}))
    await sync_to_async(told)(made, ("done", {}))
    for number in (2, 2, 1, 4):  # of the first and third nobody hears in time
        await sync_to_async(ring)(*kept[number - 1])
    assert await asyncio.wait_for(found, 10) == [(1, "a"), (2, "b"), (3, "c"), (4, None)]


async def all_of(made: Generation) -> list[tuple[int, str | None]]:
    return [(one.number, one.payload.get("text")) async for one in generation.follow(made) if one]
