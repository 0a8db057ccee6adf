"""Steering by hand: what it costs, and which field a refusal names."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.visualizer.fakes import FakeRuntime
from visualizer.models import Session, Step

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def of_any_length(runtime: FakeRuntime) -> None:
    runtime.model.spec = replace(runtime.model.spec, length="edits")


@pytest.mark.parametrize("type", ["remask", "lock", "unlock", "delete"])
def test_many_positions_take_no_more_queries_than_one(
    play: Any, owner: User, start: Any, type: str
) -> None:
    counts = []
    for positions in ([4], list(range(4, 14))):
        session = start()
        with CaptureQueriesContext(connection) as made:
            assert play(owner, session, type=type, positions=positions)["type"] == "state_update"
        counts.append(len(made))
    assert counts[0] == counts[1]


@pytest.mark.parametrize(
    ("message", "field"),
    [
        ({"type": "remask", "positions": [0]}, "positions"),
        ({"type": "delete", "positions": [5, 0]}, "positions"),
        ({"type": "delete", "positions": [99]}, "positions"),
        ({"type": "insert", "position": 99}, "position"),
        ({"type": "insert", "position": -1}, "position"),
        ({"type": "insert", "position": 4, "count": 1000}, "count"),
    ],
)
def test_a_refusal_names_a_field_of_the_request(
    play: Any, owner: User, session: Session, message: dict[str, Any], field: str
) -> None:
    reply = play(owner, session, **message)
    assert (reply["error_type"], reply["field"]) == ("validation", field)
    assert field in message
    assert not Step.objects.exists()


def test_a_locked_position_is_named_as_one(play: Any, owner: User, session: Session) -> None:
    play(owner, session, type="lock", positions=[4])
    refused = play(owner, session, type="delete", positions=[4])
    assert (refused["message"], refused["field"]) == (
        "This position is locked. Unlock it first.",
        "positions",
    )
