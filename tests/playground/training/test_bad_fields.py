"""Bad values for every field of every message about trainings: refused by name, nothing changed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User

from core.commands.submit import submit
from inference.engine.training.texts.settings import RANGES
from inference.errors import UnmaskError
from playground.training.commands import COMMANDS
from playground.training.commands.schemas import SizeSettings
from playground.training.models import Training, TrainingCommand, TrainingLink

pytestmark = pytest.mark.django_db
HUGE = "x" * 1_000_000
NUMBERS: list[Any] = ["", "1", 1.5, True, [], {"a": 1}, -1, 10**12, 2**70]
NAMES: list[Any] = [7, [], None, HUGE, "x" * 101, "a\0b"]
NO_IDS = ["", 7, "x", "../etc", "0" * 36, HUGE, [], True]
BAD: dict[str, list[Any]] = {
    "request_id": ["", 7, "x" * 65, "a b", "\n"],
    "training_id": NO_IDS,
    "kind": [None, "", 7, "nothing", "../etc", HUGE, []],
    "corpus": ["", 7, "no such", "../etc/passwd", HUGE, []],
    "text_id": [0, *NUMBERS[:-2], 2**60],
    "name": NAMES,
    "preset": [None, "", 7, "huge", HUGE],
    "sizes": [7, "x", [], {"momentum": 1}],
    "steps": [None, 0, *NUMBERS],
    "prompt": [7, [], None, HUGE, "x" * 201, "\0"],
    "seed": [None, "", "1", 1.5, True, -1, 2**63],
    "hours": [0, 8761, *NUMBERS],
    "link": [None, 0, *NUMBERS[:-2], 2**60],
    "length": [None, 0, 129, *NUMBERS],
    "temperature": ["hot", None, -0.1, 10.1, float("nan"), float("inf"), []],
}
FIELDS = [(row.name, field) for row in COMMANDS.values() for field in row.schema.model_fields]


def rows() -> list[list[dict[str, Any]]]:
    tables: Any = (Training, TrainingLink, TrainingCommand)
    return [list(table.objects.order_by("pk").values()) for table in tables]


def whole(training: Training, name: str) -> dict[str, Any]:
    """A message in which every required field is right."""
    right = {
        "kind": "characters",
        "training_id": str(training.pk),
        "steps": 100,
        "name": "cats",
        "link": 1,
    }
    known = COMMANDS[name].schema.model_fields
    return {"type": name} | {key: value for key, value in right.items() if key in known}


def refusal(user: User, message: dict[str, Any]) -> UnmaskError:
    with pytest.raises(UnmaskError) as refused:
        submit(COMMANDS, user=user, channel="api", message=message)
    return refused.value


def test_bad_values_of_every_field_are_refused_by_name(
    begin: Callable[..., Training], owner: User
) -> None:
    training = begin()
    before = rows()
    for name, field in FIELDS:
        for value in BAD[field]:
            error = refusal(owner, {**whole(training, name), field: value})
            told = (error.field or "").split(".")[0]
            assert (error.error_type, told) == ("validation", field), (name, value)
            assert "xxx" not in error.message
    assert rows() == before


def test_bad_values_of_every_size_are_refused_by_name(
    begin: Callable[..., Training], owner: User
) -> None:
    training = begin()
    before = rows()
    for name in SizeSettings.model_fields:
        low, high, _ = RANGES[name]
        for value in ["", "1", True, [], low - 1, low / 2, high + 1, float("nan"), float("inf")]:
            error = refusal(owner, {**whole(training, "train"), "sizes": {name: value}})
            assert error.field == f"sizes.{name}", value
    assert rows() == before


def test_unknown_fields_and_messages_are_refused(
    begin: Callable[..., Training], owner: User
) -> None:
    training = begin()
    for row in COMMANDS.values():
        assert refusal(owner, {**whole(training, row.name), "colour": "red"}).field == "colour"
    for type in ("", "nothing", 7, None, HUGE):
        error = refusal(owner, {"type": type})
        assert (error.error_type, error.field) == ("validation", "type")
