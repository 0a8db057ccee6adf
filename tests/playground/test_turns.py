"""Turns of a conversation on the shipped model: sent, answered, branched, stopped, continued."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User

from core.jobs import reaper
from inference.errors import UnmaskError
from inference.events import events_after
from playground.models import Conversation, Message
from playground.selectors.conversations import FILE_NAME, conversation_for
from playground.selectors.line import line_of, siblings_of
from playground.selectors.payloads import page
from tests.playground.conftest import answer_of
from tests.playground.working import work_off, work_once
from tests.slices import short_slices
from visualizer import models as visualizer

pytestmark = pytest.mark.django_db
SHORT = {"max_new_tokens": 12}
ONCE = "Once upon a time"


def shown(conversation: Conversation) -> list[str]:
    conversation.refresh_from_db()
    return [turn.message.text for turn in line_of(conversation)[0]]


def test_a_message_is_answered(chat: Any, owner: User) -> None:
    conversation = chat(ONCE, settings=SHORT)
    answer = answer_of(conversation)
    assert answer.status == Message.Status.DONE
    assert answer.text
    assert answer.finish_reason in ("length", "stop")
    assert answer.usage["completion_tokens"] == 12
    assert answer.seconds > 0
    assert answer.url.startswith("/sessions/")
    assert answer.flattened
    assert answer.html.startswith("<p>")
    assert conversation.title == ONCE
    assert FILE_NAME.fullmatch(conversation.file_name)
    assert conversation_for(owner, conversation.file_name) == conversation


def test_the_answer_is_the_text_of_its_generation(chat: Any) -> None:
    answer = answer_of(chat(ONCE, settings=SHORT))
    row = visualizer.Generation.objects.get(pk=answer.generation)
    assert row.text == answer.text
    session = row.session
    assert session is not None
    assert session.prompt == ONCE


def test_the_second_question_reads_the_first_answer(chat: Any) -> None:
    conversation = chat(ONCE, "The end", settings=SHORT)
    first, answer, second, _ = shown(conversation)
    row = visualizer.Generation.objects.get(pk=answer_of(conversation).generation)
    assert row.prompt["text"] == f"{first}{answer}\n{second}"


def test_two_sends_at_once_are_refused_by_a_rule(tell: Any, owner: User) -> None:
    reply = tell(owner, type="send", message=ONCE, settings=SHORT)
    id = reply["conversation_id"]
    second = tell(owner, type="send", message="And then", conversation_id=id)
    assert (second["error_type"], second["retryable"]) == ("conflict", True)
    assert "being written" in second["message"]
    assert Message.objects.count() == 2
    work_off()
    third = tell(owner, type="send", message="And then", conversation_id=id, settings=SHORT)
    assert third["type"] == "started"


def test_a_repeated_request_is_answered_and_not_redone(tell: Any, owner: User) -> None:
    first = tell(owner, type="send", message=ONCE, request_id="a")
    assert tell(owner, type="send", message=ONCE, request_id="a") == first
    assert Message.objects.count() == 2


def test_answering_anew_makes_a_branch(chat: Any, tell: Any, owner: User) -> None:
    conversation = chat(ONCE, settings=SHORT)
    first = answer_of(conversation)
    settings = {**SHORT, "temperature": 1.5}
    tell(owner, conversation, type="regenerate", message_id=first.pk, settings=settings)
    work_off()
    second = answer_of(conversation)
    assert siblings_of(second) == [first.pk, second.pk]
    assert second.text != first.text
    tell(owner, conversation, type="show", message_id=first.pk)
    assert shown(conversation) == [ONCE, first.text]


def test_an_edited_question_is_answered_on_a_branch(chat: Any, tell: Any, owner: User) -> None:
    conversation = chat(ONCE, "The end", settings=SHORT)
    before = shown(conversation)
    question = Message.objects.get(text=ONCE)
    tell(owner, conversation, type="edit", message_id=question.pk, message="One day")
    work_off()
    assert shown(conversation)[0] == "One day"
    assert len(shown(conversation)) == 2
    tell(owner, conversation, type="show", message_id=question.pk)
    assert shown(conversation) == before


def test_an_edited_answer_is_read_by_the_next(chat: Any, tell: Any, owner: User) -> None:
    conversation = chat(ONCE, settings=SHORT)
    answer = answer_of(conversation)
    tell(owner, conversation, type="edit", message_id=answer.pk, message=" there was a dog.")
    assert shown(conversation) == [ONCE, " there was a dog."]
    assert not Message.with_work().exists()
    tell(owner, type="send", conversation_id=str(conversation.pk), message="The dog")
    work_off()
    row = visualizer.Generation.objects.get(pk=answer_of(conversation).generation)
    assert row.prompt["text"].startswith(f"{ONCE} there was a dog.\nThe dog")


def test_stopping_keeps_what_was_made_and_it_can_be_continued(
    tell: Any, owner: User, monkeypatch: Any
) -> None:
    short_slices(monkeypatch)
    id = tell(owner, type="send", message=ONCE, settings={"max_new_tokens": 32})["conversation_id"]
    conversation = Conversation.objects.get(pk=id)
    answer = answer_of(conversation)
    for _ in range(14):
        work_once()
    tell(owner, conversation, type="stop")
    work_off()
    answer.refresh_from_db()
    assert (answer.status, answer.finish_reason) == (Message.Status.STOPPED, "cancelled")
    kept = answer.text
    assert kept
    tell(owner, conversation, type="continue", message_id=answer.pk)
    work_off()
    answer.refresh_from_db()
    assert answer.status == Message.Status.DONE
    assert answer.text.startswith(kept)
    assert len(answer.text) > len(kept)
    assert Message.objects.count() == 2


def test_stopping_before_a_worker_came(tell: Any, owner: User) -> None:
    id = tell(owner, type="send", message=ONCE)["conversation_id"]
    conversation = Conversation.objects.get(pk=id)
    tell(owner, conversation, type="stop")
    work_off()
    assert answer_of(conversation).status == Message.Status.STOPPED
    assert not visualizer.Session.objects.exists()
    assert tell(owner, conversation, type="stop")["message_id"] is None


def test_a_continuation_that_never_began_leaves_the_text(chat: Any, tell: Any, owner: User) -> None:
    conversation = chat(ONCE, settings=SHORT)
    before = answer_of(conversation)
    tell(owner, conversation, type="continue", message_id=before.pk)
    tell(owner, conversation, type="stop")
    after = answer_of(conversation)
    assert (after.status, after.text, after.html) == ("stopped", before.text, before.html)
    tell(owner, conversation, type="continue", message_id=before.pk)
    Message.objects.filter(pk=before.pk).update(model=None)
    work_off()
    failed = answer_of(conversation)
    assert (failed.status, failed.text, failed.html) == ("failed", before.text, before.html)


def test_an_answer_whose_worker_died_is_begun_again(
    tell: Any, owner: User, sent: list[Any]
) -> None:
    tell(owner, type="send", message=ONCE, settings=SHORT)
    answer = Message.objects.get(role="assistant")
    sent.clear()
    Message.objects.update(updated="2026-01-01T00:00:00Z")
    reaper.reap()
    assert (Message.TASK, str(answer.pk)) in sent


def test_the_oldest_turns_leave_where_there_is_no_room(chat: Any, owner: User) -> None:
    long = "the dog ran to the park and saw a cat and the cat ran to the dog " * 3
    conversation = chat(long, long, long, settings={"max_new_tokens": 60})
    turns = [turn.message for turn in line_of(conversation)[0]]
    assert turns[1].left_out == 0
    assert turns[-1].left_out > 0
    assert turns[-1].status == Message.Status.DONE
    row = visualizer.Generation.objects.get(pk=turns[-1].generation)
    assert row.prompt["text"].startswith(turns[turns[-1].left_out].text)


def test_a_question_longer_than_the_context_is_refused_in_words(chat: Any) -> None:
    answer = answer_of(chat("the dog ran " * 300))
    assert answer.status == Message.Status.FAILED
    assert answer.error["error_type"] == "validation"
    assert "context is 192" in answer.error["message"]
    assert "the dog" not in answer.error["message"]


def test_strangers_find_nothing(chat: Any, tell: Any, friend: User, stranger: User) -> None:
    conversation = chat(ONCE, settings=SHORT)
    answer = answer_of(conversation)
    for user in (friend, stranger):
        for id in (str(conversation.pk), conversation.file_name, "not an id"):
            with pytest.raises(UnmaskError) as refused:
                conversation_for(user, id)
            assert refused.value.error_type == "not_found"
        reply = tell(user, type="send", message="mine", conversation_id=str(conversation.pk))
        assert reply["error_type"] == "not_found"
        for fields in (
            {"type": "stop"},
            {"type": "show", "message_id": answer.pk},
            {"type": "continue", "message_id": answer.pk},
            {"type": "change", "title": "mine"},
            {"type": "delete"},
        ):
            with pytest.raises(UnmaskError) as refused:
                tell(user, None, conversation_id=str(conversation.pk), **fields)
            assert refused.value.error_type == "not_found"


def test_a_message_of_another_conversation_is_not_found(chat: Any, tell: Any, owner: User) -> None:
    one, two = chat(ONCE, settings=SHORT), chat(ONCE, settings=SHORT)
    for type in ("continue", "regenerate", "show"):
        reply = tell(owner, one, type=type, message_id=answer_of(two).pk)
        assert reply["error_type"] == "not_found"


def test_every_change_is_an_event(chat: Any) -> None:
    conversation = chat(ONCE, settings=SHORT)
    events = list(events_after(conversation.stream_id, 0))
    told = [e.payload["status"] for e in events if e.type == "message"]
    assert told == ["done", "queued", "writing", "done"]


def test_long_conversations_open_at_their_end(chat: Any, owner: User) -> None:
    conversation = chat(ONCE, settings=SHORT)
    parent = answer_of(conversation)
    for number in range(200):
        role = ("user", "assistant")[number % 2]
        parent = Message.objects.create(
            conversation=conversation, parent=parent, role=role, text=str(number)
        )
    Conversation.objects.filter(pk=conversation.pk).update(head=parent)
    conversation.refresh_from_db()
    first = page(conversation)
    assert [one["content"] for one in first["messages"]] == [str(n) for n in range(140, 200)]
    assert first["more"]
    second = page(conversation, first["messages"][0]["id"])
    assert second["messages"][-1]["content"] == "139"
