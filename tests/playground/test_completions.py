"""Completions on a small causal model: the same tokens whatever happens on the way."""

from __future__ import annotations

import re
import threading
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import transaction
from django.test import Client
from django.urls import reverse

from core import generation
from core.generation import Collected, Generation, Prompt, Settings
from core.jobs import leases, reaper
from core.jobs.leases import LeaseLost
from inference import runtime
from inference.engine.causal.engine import CausalEngine
from inference.errors import UnmaskError
from inference.events import events_after
from inference.models import ModelEntry
from playground.models import Completion, CompletionToken, Conversation
from playground.selectors.line import siblings_of
from playground.services.completions import Written, write
from playground.worker import completions
from tests.playground.conftest import answer_of
from tests.playground.working import work_off, work_once
from tests.slices import short_slices

pytestmark = pytest.mark.django_db
HELLO = Prompt(text="hello world")
TALK = Prompt(messages=({"role": "user", "content": "hello"},))


@pytest.fixture
def start(causal: ModelEntry, owner: User) -> Any:
    """start(prompt, …) → what was started; no worker has done anything."""

    def begin(prompt: Prompt = HELLO, **settings: Any) -> Generation:
        return generation.start(
            user=owner, model="plain", prompt=prompt, settings=Settings(**settings)
        )

    return begin


def collected(made: Generation) -> Collected:
    found = Collected()
    for event in events_after(made.stream, 0, 5000):
        found.add(event)
    return found


def row_of(made: Generation) -> Completion:
    return Completion.objects.get(pk=made.id)


def tokens_of(made: Generation) -> list[int]:
    rows = CompletionToken.objects.filter(completion=made.id).order_by("number")
    return list(rows.values_list("token", flat=True))


def test_the_tokens_are_those_of_the_bare_loop(start: Any, causal: ModelEntry) -> None:
    made = start(max_new_tokens=20)
    work_off()
    model = runtime.load(causal)
    ids = row_of(made).prompt_ids
    bare = list(CausalEngine(model).generate(ids, max_tokens=20))
    assert tokens_of(made) == [one.token for one in bare]
    found = collected(made)
    assert found.done is not None
    assert found.text == found.done["text"] == "".join(one.text for one in bare)
    assert found.done["usage"]["completion_tokens"] == len(bare)
    assert (made.kind, row_of(made).status) == ("autoregressive", "done")


def test_a_snapshot_tells_the_end_like_the_last_event(start: Any) -> None:
    made = start(max_new_tokens=5)
    seam = generation.generator(made.kind)
    assert seam.snapshot(stream=made.stream)["end"] is None
    work_off()
    last = list(events_after(made.stream, 0, 5000))[-1]
    told = seam.snapshot(stream=made.stream)
    assert told["end"] == (last.type, last.payload)
    assert (told["number"], told["text"]) == (last.number, last.payload["text"])


def test_alternatives_are_kept_with_every_token(start: Any) -> None:
    made = start(max_new_tokens=5)
    work_off()
    for one in CompletionToken.objects.filter(completion=made.id):
        assert len(one.top) == completions.TOP
        assert one.top[0][0] == one.token  # at temperature 0 the best one is taken
        assert one.logprob == one.top[0][2] <= 0


@pytest.mark.parametrize(
    ("parameters", "pattern"),
    [({"regex": "[a-z]{3}"}, "[a-z]{3}"), ({"json_schema": '{"enum": [17]}'}, "17")],
)
def test_an_answer_matches_its_grammar(start: Any, parameters: Any, pattern: str) -> None:
    made = start(max_new_tokens=12, temperature=1.0, parameters=parameters)
    work_off()
    assert re.fullmatch(pattern, row_of(made).text)


@pytest.mark.parametrize(
    ("parameters", "field"),
    [
        ({"regex": "("}, "regex"),
        ({"regex": ""}, "regex"),
        ({"regex": "a{40}"}, "regex"),
        ({"json_schema": "{"}, "json_schema"),
        ({"regex": "a", "json_schema": "{}"}, "json_schema"),
    ],
)
def test_a_grammar_that_cannot_be_matched_is_named(start: Any, parameters: Any, field: str) -> None:
    made = start(max_new_tokens=5, parameters=parameters)
    work_off()
    error = collected(made).error
    assert error is not None
    assert (error["error_type"], error["field"]) == ("validation", field)


@pytest.mark.parametrize("temperature", [0.0, 2.0])
def test_a_slice_goes_on_after_the_last_stored_token(
    start: Any, monkeypatch: Any, temperature: float
) -> None:
    whole = start(max_new_tokens=24, temperature=temperature, seed=5)
    work_off()
    short_slices(monkeypatch)
    monkeypatch.setattr(completions, "BATCH_SECONDS", 0.0)
    made = start(max_new_tokens=24, temperature=temperature, seed=5)
    slices = 0
    while work_once():
        slices += 1
    assert slices >= len(tokens_of(made)) > 2
    assert tokens_of(made) == tokens_of(whole)
    assert collected(made).text == collected(whole).text


def test_the_next_token_is_computed_while_one_is_stored(start: Any, monkeypatch: Any) -> None:
    """All but the first, for which somebody waits."""
    monkeypatch.setattr(completions, "BATCH_SECONDS", 0.0)
    tokens, store = completions._tokens, completions._store
    begun, computed = [0], threading.Condition()

    def counted(*given: Any) -> Any:
        for one in tokens(*given):
            with computed:
                begun[0] += 1
                computed.notify_all()
            yield one

    def stored(lease: Any, row: Completion, waiting: Any, finish: Any) -> None:
        made = row.written + len(waiting)
        with computed:
            assert row.written or begun[0] == 1
            if row.written and finish is None:
                assert computed.wait_for(lambda: begun[0] > made, 20)
        store(lease, row, waiting, finish)

    monkeypatch.setattr(completions, "_tokens", counted)
    monkeypatch.setattr(completions, "_store", stored)
    made = start(max_new_tokens=8)
    work_off()
    assert (len(tokens_of(made)), row_of(made).status) == (begun[0], "done")


def test_a_former_holder_stores_nothing(start: Any) -> None:
    made = start(max_new_tokens=5)
    former = leases.take(Completion, made.id)
    assert former is not None
    leases.release(former)
    current = leases.take(Completion, made.id)
    assert current is not None
    token = [Written(1, "a", "a", -0.5, [(1, "a", -0.5)])]
    with pytest.raises(LeaseLost), transaction.atomic():
        write(lease=former, row=row_of(made), tokens=token)
    assert (tokens_of(made), row_of(made).text) == ([], "")
    with transaction.atomic():
        write(lease=current, row=row_of(made), tokens=token)
    assert (tokens_of(made), row_of(made).text) == ([1], "a")
    kept = CompletionToken.objects.get(completion=made.id)
    assert (kept.label, kept.text, kept.logprob, kept.top) == ("a", "a", -0.5, [[1, "a", -0.5]])


def test_a_killed_worker_s_completion_is_taken_up(start: Any, sent: Any) -> None:
    made = start(max_new_tokens=5)
    sent.clear()
    reaper.reap()
    assert (Completion.TASK, str(made.id)) in sent


def test_stopping_keeps_what_was_written(start: Any, owner: User, monkeypatch: Any) -> None:
    short_slices(monkeypatch)
    monkeypatch.setattr(completions, "BATCH_SECONDS", 0.0)
    made = start(max_new_tokens=60, temperature=3.0, seed=1)
    for _ in range(5):
        work_once()
    generation.stop(user=owner, id=made.id)
    work_off()
    found = collected(made)
    assert found.done is not None
    assert found.done["finish_reason"] == "cancelled"
    assert row_of(made).status == "cancelled"
    assert 0 < len(tokens_of(made)) < 60


@pytest.mark.parametrize(
    ("prompt", "asked", "field"),
    [
        (Prompt(pieces=("a", "b"), gaps=(2,)), {}, "prompt"),
        (HELLO, {"recipe": "llada/low_confidence"}, "recipe"),
        (HELLO, {"tokens_per_step": 2}, "tokens_per_step"),
        (HELLO, {"block_length": 2}, "block_length"),
    ],
)
def test_what_is_for_diffusion_is_refused_by_name(
    start: Any, prompt: Prompt, asked: Any, field: str
) -> None:
    with pytest.raises(UnmaskError) as refused:
        start(prompt, **asked)
    assert refused.value.field == field
    assert not Completion.objects.exists()


@pytest.mark.parametrize(
    ("prompt", "asked", "field"),
    [
        (Prompt(text=""), {}, "prompt"),
        (Prompt(text="hello " * 200), {}, "prompt"),
        (HELLO, {"max_new_tokens": 500}, "max_new_tokens"),
        (HELLO, {"temperature": 11.0}, "temperature"),
        (Prompt(ids=(10**6,)), {}, "prompt"),
    ],
)
def test_what_cannot_be_done_is_the_last_event(
    start: Any, prompt: Prompt, asked: Any, field: str
) -> None:
    made = start(prompt, **asked)
    work_off()
    found = collected(made)
    assert found.error is not None
    assert (found.error["error_type"], found.error["field"]) == ("validation", field)


def test_strangers_find_nothing(start: Any, friend: User, stranger: User) -> None:
    made = start(max_new_tokens=2)
    for user in (friend, stranger):
        for call in (generation.find, generation.stop):
            with pytest.raises(UnmaskError) as refused:
                call(user=user, id=made.id)
            assert refused.value.error_type == "not_found"


def test_a_conversation_is_read_by_the_model_s_own_template(
    causal: ModelEntry, tell: Any, owner: User
) -> None:
    fields = {"model": "plain", "settings": {"max_new_tokens": 8}, "system_prompt": "hell"}
    reply = tell(owner, type="send", message="hello world", **fields)
    work_off()
    conversation = Conversation.objects.get(pk=reply["conversation_id"])
    answer = answer_of(conversation)
    assert answer.status == "done"
    assert not answer.flattened
    row = Completion.objects.get(pk=answer.generation)
    model = runtime.load(causal)
    assert model.tokenizer is not None
    text = model.tokenizer.decode(row.prompt_ids)
    assert "hell" in text
    assert text.rstrip().endswith("assistant")
    assert row.settings["recipe"] is None


TEMPLATES = {
    "that refuses": "{{ raise_exception('Roles must alternate.') }}",
    "of another language": "{% if messages %}",
    "that misses something": "{{ messages[7]['content'] }}",
    "that calls itself": "{% macro one() %}{{ one() }}{% endmacro %}{{ one() }}",
    "that divides by nothing": "{{ 1 // 0 }}",
}


@pytest.mark.parametrize("kind", TEMPLATES)
def test_a_template_that_fails_ends_the_answer_in_words(
    causal: ModelEntry, tell: Any, owner: User, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing is begun, the question stays, and another model answers in the same conversation."""
    model = runtime.load(causal)
    model.chat_template = TEMPLATES[kind]
    fields = {"model": "plain", "settings": {"max_new_tokens": 4}}
    reply = tell(owner, type="send", message="hello canary", **fields)
    work_off()
    conversation = Conversation.objects.get()
    answer = answer_of(conversation)
    assert (answer.status, answer.text, answer.generation) == ("failed", "", None)
    assert answer.error is not None
    assert answer.error["error_type"] == "validation"
    assert "chat template refuses" in answer.error["message"]
    assert not Completion.objects.exists()
    assert "canary" not in caplog.text
    more = {"conversation_id": reply["conversation_id"], "model": "stories"}
    tell(owner, type="send", message="hello", **more, settings={"max_new_tokens": 4})
    work_off()
    assert answer_of(conversation).status == "done"


def test_settings_of_diffusion_do_not_hinder_another_model(
    causal: ModelEntry, tell: Any, owner: User
) -> None:
    settings = {"max_new_tokens": 6, "tokens_per_step": 2}
    tell(owner, type="send", message="hello", model="plain", settings=settings)
    work_off()
    assert answer_of(Conversation.objects.get()).status == "done"


def test_another_token_makes_a_branch(
    causal: ModelEntry, tell: Any, owner: User, owner_client: Client, stranger_client: Client
) -> None:
    settings = {"max_new_tokens": 12, "temperature": 1.0, "seed": 4}
    reply = tell(owner, type="send", message="hello", model="plain", settings=settings)
    work_off()
    conversation = Conversation.objects.get(pk=reply["conversation_id"])
    first = answer_of(conversation)
    third = CompletionToken.objects.get(completion=first.generation, number=2)
    other = next(row for row in third.top if row[0] != third.token and row[1].isalpha())
    path = reverse("chat_tokens", args=[conversation.pk, first.pk])
    assert third.label in owner_client.get(path).content.decode()
    offered = owner_client.get(path, {"number": "2"}).content.decode()
    assert f'value="{other[0]}"' in offered
    assert owner_client.get(path, {"number": "99"}).status_code == 404
    assert stranger_client.get(path).status_code == 404
    fields = {"type": "choose", "message_id": first.pk, "number": 2, "token": other[0]}
    tell(owner, conversation, **fields)
    work_off()
    second = answer_of(conversation)
    before = CompletionToken.objects.filter(completion=first.generation, number__lt=2)
    ids = [*before.values_list("token", flat=True), other[0]]
    assert second.token_ids[:3] == ids
    assert other[1] in second.text
    assert siblings_of(second) == [first.pk, second.pk]
    refused = tell(owner, conversation, **{**fields, "token": 1_999_999})
    assert (refused["error_type"], refused["field"]) == ("not_found", "token")
