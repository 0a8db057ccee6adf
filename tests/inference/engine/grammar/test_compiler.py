"""Patterns and schemas as automata over bytes: what they accept, and what is refused in time."""

from __future__ import annotations

import json
import re

import pytest

from inference.engine.errors import InputError
from inference.engine.grammar import compiler
from inference.engine.grammar.compiler import Grammar, compiled


def accepts(grammar: Grammar, text: str) -> bool:
    found = compiled(grammar)
    state = 0
    for byte in text.encode():
        state = int(found.moves[state, byte])
        if state < 0:
            return False
    return bool(found.accepting[state])


TEXTS = ["", "a", "b", "ab", "aab", "aaab", "abc", "é", "éé", "12", "123", "1234", "a\nb", "^a$"]


@pytest.mark.parametrize(
    "pattern", ["a*b", "(a|b)+", "[0-9]{2,3}", "é+", "^abc$", "a?", ".*", r"\^a\$", "a|b|"]
)
def test_a_pattern_accepts_what_python_matches_as_a_whole(pattern: str) -> None:
    for text in TEXTS:
        assert accepts(Grammar(regex=pattern), text) == bool(re.fullmatch(pattern, text)), text


def test_a_schema_accepts_its_objects() -> None:
    schema = {
        "type": "object",
        "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
        "required": ["name", "age"],
    }
    grammar = Grammar(json_schema=json.dumps(schema))
    assert accepts(grammar, '{"name": "Ann", "age": 7}')
    assert not accepts(grammar, '{"name": "Ann"}')
    assert not accepts(grammar, '{"name": 7, "age": 7}')


def test_a_schema_that_refers_to_itself_is_followed_some_times() -> None:
    node = {"type": "object", "properties": {"next": {"$ref": "#"}}}
    assert accepts(Grammar(json_schema=json.dumps(node)), '{"next": {}}')


@pytest.mark.parametrize(
    "pattern",
    [
        *("(", "[", "a{3,1}", "*", r"\p{Nothing}", "(?=a)b", r"(a)\1", "(?<!a)b"),
        *("(a{1,1000}){1,1000}", "[ab]*a[ab]{30}", "((a{1,90}){1,90}){1,90}"),
    ],
)
def test_what_cannot_be_matched_is_refused(pattern: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiler, "SECONDS", 1)
    with pytest.raises(InputError) as caught:
        compiled(Grammar(regex=pattern))
    assert caught.value.field == "regex"


@pytest.mark.parametrize(
    "schema",
    [
        *("", "{", "[]", "7", "null", '"a"', "[" * 9000, '{"type": "nothing"}'),
        *('{"$ref": "#/$defs/none"}', '{"$ref": "http://127.0.0.1:1/a"}'),
        '{"type": "string", "minLength": 9000}',
    ],
)
def test_schemas_that_cannot_be_read_are_refused(schema: str) -> None:
    with pytest.raises(InputError) as caught:
        compiled(Grammar(json_schema=schema))
    assert caught.value.field == "json_schema"
