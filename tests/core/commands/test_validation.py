"""Messages that a table knows, and texts of forms that become what a schema expects."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import Field, field_validator

from core.commands.fields import Message
from core.commands.table import CommandSpec, RunsOn
from core.commands.validation import from_form, validate
from inference.errors import UnmaskError
from tests.core.errands.commands import Errands


class Order(Message):
    """Order a thing."""

    count: int = Field(ge=1, le=9, description="how many")
    price: float | None = Field(default=None, description="at most")
    gift: bool = Field(default=False, description="wrapped")
    thing: str = Field(default="milk", max_length=4, description="what")

    @field_validator("thing")
    @classmethod
    def _no_bread(cls, value: str) -> str:
        if value == "rye":
            raise ValueError("is sold out")
        return value


TABLE = Errands([CommandSpec("order", Order, RunsOn.WEB, "tests.nowhere", "ordered")])


@pytest.mark.parametrize(
    ("message", "field", "words"),
    [
        ({}, "type", "type is required and must be a text."),
        ({"type": 5}, "type", "type is required and must be a text."),
        ({"type": "x" * 99}, "type", f"Unknown message type: {'x' * 64}"),
        ({"type": "order"}, "count", "count is required."),
        ({"type": "order", "count": 0}, "count", "count must be at least 1."),
        ({"type": "order", "count": 10}, "count", "count must be at most 9."),
        ({"type": "order", "count": "1"}, "count", "count must be a whole number."),
        ({"type": "order", "count": 1, "gift": 1}, "gift", "gift must be true or false."),
        ({"type": "order", "count": 1, "b": 1}, "b", "b is not a field of this message."),
        ({"type": "order", "count": 1, "thing": "honey"}, "thing",
         "thing must have at most 4 characters."),
        ({"type": "order", "count": 1, "thing": "rye"}, "thing", "thing is sold out."),
        ({"type": "order", "count": 1, "<b>": 1}, None, "is not a field of this message."),
    ],
)  # fmt: skip
def test_the_first_wrong_field_is_named(
    message: dict[str, Any], field: str | None, words: str
) -> None:
    with pytest.raises(UnmaskError) as refused:
        validate(TABLE, message)
    assert (refused.value.field, refused.value.message) == (field, words)


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("count", "3", 3), ("count", "-3", -3), ("count", "03", "03"), ("count", "3.0", "3.0"),
        ("count", "three", "three"), ("count", "9" * 20, "9" * 20), ("count", "٣", "٣"),
        ("price", "1.5", 1.5), ("price", "2", 2.0), ("price", "1e3", "1e3"),
        ("price", "nan", "nan"),
        ("gift", "on", True), ("gift", "true", True), ("gift", "1", True), ("gift", "off", False),
        ("gift", "0", False), ("gift", "perhaps", "perhaps"),
        ("thing", "12", "12"), ("other", "12", "12"), ("count", 3, 3),
    ],
)  # fmt: skip
def test_texts_become_what_the_schema_expects(name: str, text: Any, value: Any) -> None:
    found = from_form(TABLE, {"type": "order", name: text})
    assert found == {"type": "order", name: value}
    assert type(found[name]) is type(value)


def test_empty_fields_and_those_of_the_form_itself_are_left_out() -> None:
    fields = {"type": "order", "count": "1", "thing": "", "price": None, "HEADERS": {},
              "csrfmiddlewaretoken": "x"}  # fmt: skip
    assert from_form(TABLE, fields) == {"type": "order", "count": 1}
