"""`response_format`: the answer is as it was asked for, or the request says why it cannot be."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from core.http.openai.response_format import ANY_OBJECT
from inference.engine.grammar import automaton, compile_child

openai = pytest.importorskip("openai")
pytestmark = pytest.mark.usefixtures("chats")
ONE_OF = {"enum": ["left", "right", 7]}
FORMAT = {"type": "json_schema", "json_schema": {"name": "side", "schema": ONE_OF}}
HELLO: dict[str, Any] = {"model": "plain", "prompt": "hello world", "max_tokens": 12}


async def test_an_answer_is_as_its_schema_says(client: Any) -> None:
    for seed in range(3):
        told = await client.completions.create(
            **HELLO, seed=seed, temperature=1.5, extra_body={"response_format": FORMAT}
        )
        assert json.loads(told.choices[0].text) in ONE_OF["enum"]


async def test_a_turn_is_as_its_schema_says(client: Any) -> None:
    messages = [{"role": "user", "content": "hello"}]
    told = await client.chat.completions.create(
        model="plain", messages=messages, max_tokens=12, response_format=FORMAT
    )
    assert json.loads(told.choices[0].message.content) in ONE_OF["enum"]


async def test_text_is_any_text(client: Any) -> None:
    plain = await client.completions.create(**HELLO)
    told = await client.completions.create(
        **HELLO, extra_body={"response_format": {"type": "text"}}
    )
    assert told.choices[0].text == plain.choices[0].text


@pytest.mark.parametrize(
    "body",
    [
        {"response_format": {"type": "json_schema"}},
        {"response_format": {"type": "text", "json_schema": FORMAT["json_schema"]}},
        {"response_format": {"type": "xml"}},
        {"response_format": "json_object"},
        {"response_format": {**FORMAT, "more": 1}},
        {"response_format": FORMAT, "parameters": {"regex": "a"}},
        {"response_format": {**FORMAT, "json_schema": {"name": "a", "schema": {"a": "b" * 30000}}}},
    ],
)
async def test_what_makes_no_sense_is_refused_by_name(client: Any, body: dict[str, Any]) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        await client.completions.create(**HELLO, extra_body=body)
    assert (caught.value.param or "").split(".")[0] == "response_format"


def test_an_object_fits_into_the_vocabularies_that_there_are() -> None:
    """Of any depth it took more states than the shipped models' tokens have room for."""
    largest = 160_000
    pattern = compile_child.pattern_of({"schema": json.dumps(ANY_OBJECT)})
    rows, _ = compile_child.automaton(pattern)
    assert len(rows) <= automaton.CELLS // largest
    found = re.compile(pattern)
    for text in ("{}", '{"a": [1, null], "b": {"c": "d"}, "e": -1.5}'):
        assert found.fullmatch(text)
    assert not found.fullmatch("[1]")
