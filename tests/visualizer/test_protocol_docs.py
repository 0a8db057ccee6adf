"""The protocol's page and schema are what the tables say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jsonschema
import pytest
from django.contrib.auth.models import User

from tests.visualizer.test_door import GOOD
from visualizer.commands import COMMANDS
from visualizer.models import Session
from visualizer.protocol_docs import document, schema, schema_text
from visualizer.protocol_texts import EVENTS, REPLIES

DOCS = Path(__file__).resolve().parents[2] / "docs"


def test_the_committed_page_is_up_to_date() -> None:
    assert (DOCS / "protocol.md").read_text(encoding="utf-8") == document()


def test_the_committed_schema_is_up_to_date() -> None:
    assert (DOCS / "protocol.schema.json").read_text(encoding="utf-8") == schema_text()


def test_every_command_and_reply_is_documented() -> None:
    page = document()
    for name, spec in COMMANDS.items():
        assert f"### `{name}`" in page
        assert spec.reply in REPLIES
        assert len(spec.sentence) > 10


def test_the_schema_accepts_what_the_door_accepts() -> None:
    check = jsonschema.Draft202012Validator(schema())
    for name in COMMANDS:
        check.validate({"type": name, **GOOD.get(name, {})})
    for bad in (
        {"type": "nobody"},
        {"type": "initialize"},
        {"type": "initialize", "prompt": "x", "gen_length": 0},
        {"type": "rewind", "step": 1, "unknown": True},
        {"type": "forward_pass", "top_p": 2},
        {"type": "apply_selection", "selections": {"5": "x"}},
    ):
        assert not check.is_valid(bad), bad


@pytest.mark.django_db
def test_events_that_happen_are_documented(play: Any, owner: User, session: Session) -> None:
    from inference.models import StreamEvent
    from tests.visualizer.test_snapshots import play_all

    play_all(play, owner, session)
    seen = set(StreamEvent.objects.values_list("type", flat=True))
    assert seen <= set(EVENTS)
    assert seen >= set(EVENTS) - {"run"}
