"""What an answer is written on from is its tokens, never its text read anew."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User

from core import generation
from inference import runtime
from inference.engine.checkpoint import LoadedModel
from inference.models import ModelEntry
from playground.models import Completion, CompletionToken, Conversation, Message
from playground.records.exporter import record_of
from playground.records.importer import import_record
from playground.worker import completions
from tests.playground.conftest import answer_of
from tests.playground.working import work_off, work_once
from tests.slices import short_slices
from visualizer import models as visualizer

pytestmark = pytest.mark.django_db
DRAWN = {"max_new_tokens": 24, "temperature": 2.0, "seed": 3}


def asked(tell: Any, owner: User, **settings: Any) -> Conversation:
    given = {**DRAWN, **settings}
    reply = tell(owner, type="send", message="hello", model="plain", settings=given)
    return Conversation.objects.get(pk=reply["conversation_id"])


def whole_answer(tell: Any, owner: User, **settings: Any) -> Message:
    conversation = asked(tell, owner, **settings)
    work_off()
    return answer_of(conversation)


def stopped_answer(tell: Any, owner: User, monkeypatch: Any, pieces: int = 7) -> Message:
    """The same answer, stopped after some tokens."""
    with monkeypatch.context() as patch:
        short_slices(patch)
        patch.setattr(completions, "BATCH_SECONDS", 0.0)
        conversation = asked(tell, owner)
        for _ in range(pieces):
            work_once()
        tell(owner, conversation, type="stop")
        work_off()
    return answer_of(conversation)


def loaded(causal: ModelEntry) -> LoadedModel:
    return runtime.load(causal)


def ids_of(message: Message) -> list[int]:
    rows = CompletionToken.objects.filter(completion=message.generation).order_by("number")
    return list(rows.values_list("token", flat=True))


def test_a_continued_answer_is_the_one_that_was_never_stopped(
    causal: ModelEntry, tell: Any, owner: User, monkeypatch: Any
) -> None:
    whole = whole_answer(tell, owner)
    answer = stopped_answer(tell, owner, monkeypatch)
    begun = answer.token_ids
    assert answer.status == "stopped"
    assert 0 < len(begun) < len(whole.token_ids)
    assert begun == whole.token_ids[: len(begun)]
    tell(owner, answer.conversation, type="continue", message_id=answer.pk)
    work_off()
    answer.refresh_from_db()
    row = Completion.objects.get(pk=answer.generation)
    assert row.prompt_ids[-len(begun) :] == begun
    assert answer.token_ids[: len(whole.token_ids)] == whole.token_ids
    assert answer.text.startswith(whole.text.rstrip("\ufffd"))  # characters of several tokens too


def test_what_is_chosen_goes_on_from_the_tokens_before_it(
    causal: ModelEntry, tell: Any, owner: User
) -> None:
    first = whole_answer(tell, owner)
    row = CompletionToken.objects.get(completion=first.generation, number=4)
    other = next(token for token, *_ in row.top if token != row.token)
    fields = {"type": "choose", "message_id": first.pk}
    tell(owner, first.conversation, **fields, number=4, token=other)
    work_off()
    second = answer_of(first.conversation)
    prompt = Completion.objects.get(pk=first.generation).prompt_ids
    begun = [*ids_of(first)[:4], other]
    assert Completion.objects.get(pk=second.generation).prompt_ids == [*prompt, *begun]
    assert second.token_ids[:5] == begun
    again = CompletionToken.objects.get(completion=second.generation, number=2)
    third = next(token for token, *_ in again.top if token != again.token)
    tell(owner, first.conversation, **{**fields, "message_id": second.pk}, number=2, token=third)
    work_off()
    last = answer_of(first.conversation)
    assert last.token_ids[:8] == [*begun, *ids_of(second)[:2], third]


def test_choosing_the_end_ends_the_answer_there(causal: ModelEntry, tell: Any, owner: User) -> None:
    first = whole_answer(tell, owner)
    (end,) = loaded(causal).spec.end_ids
    row = CompletionToken.objects.get(completion=first.generation, number=3)
    row.top = [*row.top, [end, "<|im_end|>", -9.0]]
    row.save()
    fields = {"type": "choose", "message_id": first.pk, "number": 3, "token": end}
    tell(owner, first.conversation, **fields)
    work_off()
    second = answer_of(first.conversation)
    assert (second.status, second.finish_reason, second.generation) == ("done", "stop", None)
    assert "<|im_end|>" not in second.text
    assert first.text.startswith(second.text)


def test_another_model_since_does_not_read_what_this_one_wrote(
    causal: ModelEntry, tell: Any, owner: User
) -> None:
    first = whole_answer(tell, owner)
    row = CompletionToken.objects.get(completion=first.generation, number=1)
    other = next(token for token, *_ in row.top if token != row.token)
    tell(owner, first.conversation, type="change", model="stories")
    fields = {"type": "choose", "message_id": first.pk, "number": 1, "token": other}
    tell(owner, first.conversation, **fields)
    work_off()
    assert answer_of(first.conversation).model == causal


@pytest.mark.parametrize("how", ["edited", "imported"])
def test_texts_of_other_origin_are_read(
    causal: ModelEntry, tell: Any, owner: User, how: str
) -> None:
    answer = whole_answer(tell, owner)
    conversation = answer.conversation
    if how == "edited":
        fields = {"message_id": answer.pk, "message": "hello world"}
        tell(owner, conversation, type="edit", **fields)
    else:
        record = record_of(conversation)
        record["messages"][-1]["text"] = "hello world"
        conversation = import_record(owner=owner, raw=record)
    fresh = answer_of(conversation)
    assert fresh.token_ids == []
    tell(owner, conversation, type="continue", message_id=fresh.pk)
    work_off()
    fresh.refresh_from_db()
    tokenizer = loaded(causal).tokenizer
    assert tokenizer is not None
    begun = tokenizer.encode("hello world")
    assert Completion.objects.get(pk=fresh.generation).prompt_ids[-len(begun) :] == begun
    assert fresh.token_ids[: len(begun)] == begun
    assert fresh.text.startswith("hello world")


def test_a_diffusion_answer_goes_on_from_its_own_tokens(
    tell: Any, owner: User, monkeypatch: Any
) -> None:
    with monkeypatch.context() as patch:
        short_slices(patch)
        settings = {"max_new_tokens": 32}
        reply = tell(owner, type="send", message="Once upon a time", settings=settings)
        conversation = Conversation.objects.get(pk=reply["conversation_id"])
        for _ in range(14):
            work_once()
        tell(owner, conversation, type="stop")
        work_off()
    answer = answer_of(conversation)
    before = visualizer.Generation.objects.select_related("session").get(pk=answer.generation)
    assert before.session is not None
    assert answer.token_ids
    tell(owner, conversation, type="continue", message_id=answer.pk)
    work_off()
    begun, answer = answer.token_ids, answer_of(conversation)
    after = visualizer.Generation.objects.select_related("session").get(pk=answer.generation)
    assert after.session is not None
    assert after.session.prompt_ids == [*before.session.prompt_ids, *begun]
    assert answer.token_ids[: len(begun)] == begun


def test_drafts_are_those_that_the_stream_told(chat: Any, owner: User) -> None:
    from inference.events import events_after

    answer = answer_of(chat("Once upon a time", settings={"max_new_tokens": 12}))
    row = visualizer.Generation.objects.get(pk=answer.generation)
    told = [e.payload for e in events_after(row.stream_id, 0, 500) if e.type == "draft"]
    assert len(told) > 2
    assert generation.drafts(user=owner, id=row.pk) == told
