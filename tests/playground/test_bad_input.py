"""Bad values for every field of every command: refused by name, and nothing has changed."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User

from core.commands.submit import submit
from inference.errors import UnmaskError
from playground.commands import COMMANDS
from playground.commands.schemas import ChatSettings
from playground.models import ChatCommand, Conversation, ConversationLink, Message
from tests.playground.conftest import answer_of

pytestmark = pytest.mark.django_db
HUGE = "x" * 1_000_000
TEXTS: list[Any] = [7, None, [], {"a": 1}, HUGE]
IDS: list[Any] = ["", 0, -1, 2**60, "1", 1.5, True]
COUNTS: list[Any] = ["", -1, 10**9, "1", 1.5, True]
PLACES: list[Any] = ["nobody's", "", 7, "../etc", "chat_2025.txt", HUGE]
BAD: dict[str, list[Any]] = {
    "request_id": ["", 7, "x" * 65, "a b", "\n"],
    "message": ["", " \n\t", *TEXTS],
    "conversation_id": PLACES,
    "message_id": [None, *IDS],
    "model": ["", 7, [], "x" * 201],
    "system_prompt": [7, [], HUGE],
    "settings": [7, "x", [], {"unknown": 1}],
    "draft": ["yes", 1, None],
    "number": [None, *COUNTS],
    "token": [None, *COUNTS],
    "before": [None, *IDS],
    "title": ["", 7, "x" * 201],
    "folder": [7, "x" * 101],
    "archived": ["yes", 1],
    "name": [7, None, "x" * 101],
    "hours": [0, -1, 8761, "1", 1.5],
    "may_write": ["yes", 1, None],
    "link": [None, *IDS],
    "context": TEXTS,
    "token_ids": [7, "x", [-1], ["a"], [2**40], [0] * 70_000],
    "temperature": ["hot", -1, 11, float("nan"), float("inf")],
    "top_k": [0, -1, 10**9, "x", 1.5],
    "top_p": [0, 2, "x", float("nan")],
    "sample": ["yes", 1, None],
    "seed": [-1, 2**63, "x", 1.5],
    "ahead": [0, -1, 65, "1", 1.5, True],
    "digest": ["yes", 1, None],
    "text": ["", *TEXTS],
    "prompt": TEXTS,
    "masked_model": ["", 7, [], "x" * 201],
    "tree_id": ["", 7, "../etc", "0" * 36, HUGE],
    "tokens": [None, 7, "x", [], [7], [{"parent": -1, "token": 0}], [{"parent": 0}]],
    "head": [-1, 5000, "1", 1.5, True],
}
SETTINGS: dict[str, list[Any]] = {
    **{name: BAD[name] for name in ("temperature", "top_p", "top_k", "seed")},
    "max_new_tokens": [0, -1, 10**9, "x", 1.5],
    "recipe": ["", 7, "no/such", "x" * 61],
    "tokens_per_step": [0, -1, 10**9, "x"],
    "block_length": [0, -1, 10**9, "x"],
}
FIELDS = [(row.name, field) for row in COMMANDS.values() for field in row.schema.model_fields]


@pytest.fixture
def conversation(chat: Any) -> Conversation:
    found: Conversation = chat("Once upon a time", settings={"max_new_tokens": 4})
    return found


def rows() -> list[list[dict[str, Any]]]:
    tables: Any = (Conversation, Message, ConversationLink)
    return [list(table.objects.order_by("pk").values()) for table in tables]


def whole(conversation: Conversation, name: str) -> dict[str, Any]:
    """A message of a command in which every required field is right."""
    answer = answer_of(conversation).pk
    right = {
        "message": "hello",
        "message_id": answer,
        "before": answer,
        "number": 0,
        "token": 0,
        "link": 1,
        "model": "stories",
        "conversation_id": str(conversation.pk),
        "text": "hello",
        "masked_model": "stories",
        "tokens": [{"parent": 0, "token": 0}],
        "token_ids": [0],
    }
    known = COMMANDS[name].schema.model_fields
    return {"type": name} | {key: value for key, value in right.items() if key in known}


def refusal(user: User, message: dict[str, Any]) -> UnmaskError:
    with pytest.raises(UnmaskError) as refused:
        submit(COMMANDS, user=user, channel="api", message=message)
    return refused.value


def test_bad_values_of_every_field_are_refused_by_name(
    conversation: Conversation, owner: User
) -> None:
    before, commands = rows(), ChatCommand.objects.count()
    for name, field in FIELDS:
        for value in BAD[field]:
            error = refusal(owner, {**whole(conversation, name), field: value})
            assert error.error_type == "validation", (name, field)
            assert (error.field or "").split(".")[0] == field, (name, field, error.field)
            assert "xxx" not in error.message
    assert (rows(), ChatCommand.objects.count()) == (before, commands)


def test_bad_values_of_every_setting_are_refused_by_name(
    conversation: Conversation, owner: User
) -> None:
    assert set(SETTINGS) == set(ChatSettings.model_fields)
    before = rows()
    for command in ("send", "regenerate", "change"):
        for name, values in SETTINGS.items():
            for value in values:
                message = {**whole(conversation, command), "settings": {name: value}}
                assert refusal(owner, message).field == f"settings.{name}", (command, name, value)
    assert rows() == before


def test_unknown_fields_and_commands_are_refused(conversation: Conversation, owner: User) -> None:
    for row in COMMANDS.values():
        message = {**whole(conversation, row.name), "colour": "red"}
        assert refusal(owner, message).field == "colour"
    for type in ("", "nothing", 7, None, HUGE):
        error = refusal(owner, {"type": type, "message": "hello"})
        assert (error.error_type, error.field) == ("validation", "type")


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("continue", {}),  # a question cannot be continued
        ("regenerate", {}),
        ("choose", {"number": 0, "token": 1}),
    ],
)
def test_roles_that_do_not_fit_are_refused_in_words(
    conversation: Conversation, owner: User, tell: Any, name: str, fields: dict[str, Any]
) -> None:
    question = answer_of(conversation).parent
    assert question is not None
    before = Message.objects.count()
    reply = tell(owner, conversation, type=name, message_id=question.pk, **fields)
    if name == "regenerate":  # under a question: another answer to it
        assert reply["type"] == "started"
        return
    assert reply["error_type"] in ("validation", "not_found")
    assert Message.objects.count() == before


def test_an_answer_without_a_question_has_nothing_to_be_answered(
    conversation: Conversation, owner: User, tell: Any
) -> None:
    alone = Message.objects.create(conversation=conversation, role="assistant", text="hello")
    reply = tell(owner, conversation, type="regenerate", message_id=alone.pk)
    assert (reply["error_type"], reply["type"]) == ("validation", "error")
