"""Where a fault is: names of fields, never those of the forms that a field may have."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from core.commands.field_errors import error_of, field_of


class Strict(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")


class Part(Strict):
    type: Literal["text"]
    text: str


class Words(Strict):
    kind: Literal["words"]
    words: list[str]


class Number(Strict):
    kind: Literal["number"]
    low: int


class Asked(Strict):
    stop: str | list[str] | None = None
    content: str | list[Part] | None = None
    places: list[Annotated[Words | Number, Field(discriminator="kind")]] = []
    words: dict[str, int] = {}


WORDS = {"kind": "words", "words": ["a"]}
CASES: list[tuple[dict[str, Any], str, str]] = [
    ({"stop": 7}, "stop", "must be a text or must be a list"),
    ({"stop": ["a", 7]}, "stop.1", "must be a text"),
    ({"content": [{"type": "text"}]}, "content.0.text", "is required"),
    ({"content": [{"type": "text", "text": 7}]}, "content.0.text", "must be a text"),
    ({"content": [{"type": "image"}]}, "content.0.type", "must be 'text'"),
    ({"places": [{"kind": "words"}]}, "places.0.words", "is required"),
    ({"places": [{**WORDS, "words": [7]}]}, "places.0.words.0", "must be a text"),
    ({"places": [{**WORDS, "more": 1}]}, "places.0.more", "is not a field of this message"),
    ({"places": [WORDS, {"kind": "number"}]}, "places.1.low", "is required"),
    ({"places": [{"kind": "what"}]}, "places.0", "must have a 'kind' of 'words', 'number'"),
    ({"words": {"words": "a"}}, "words.words", "must be a whole number"),
    ({"colour": 1}, "colour", "is not a field of this message"),
]


def problems(given: Any) -> list[Any]:
    with pytest.raises(ValidationError) as caught:
        Asked.model_validate(given)
    return list(caught.value.errors(include_url=False, include_input=False))


@pytest.mark.parametrize(("given", "field", "words"), CASES)
def test_the_field_is_named_and_what_it_must_be(
    given: dict[str, Any], field: str, words: str
) -> None:
    error = error_of(problems(given), given)
    assert (error.field, error.message) == (field, f"{field} {words}.")
    assert field_of(problems(given), given) == field
