"""Whatever JSON comes, the door lets a valid command through or names an error, nothing else."""

from __future__ import annotations

import contextlib
import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from core.commands.parsing import parse
from core.commands.validation import from_form, validate
from inference.errors import UnmaskError, error_shape
from visualizer.commands import COMMANDS

NUMBERS = st.integers() | st.floats(allow_nan=True) | st.sampled_from([2**31, 2**53 + 1, 2**63, -1])
TEXTS = st.text(max_size=20) | st.sampled_from(["64", " 64", "6_4", "٦٤", "{{7*7}}", "</script>"])
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=8,
)
FIELDS = sorted({name for spec in COMMANDS.values() for name in spec.schema.model_fields})
MESSAGES = st.builds(
    lambda type, fields: {"type": type, **fields},
    st.sampled_from(sorted(COMMANDS)) | TEXTS,
    st.dictionaries(st.sampled_from(FIELDS) | TEXTS, VALUES, max_size=5),
)


def goes_through_or_is_named(message: dict[str, Any]) -> None:
    try:
        spec, typed = validate(COMMANDS, message)
        assert isinstance(typed, spec.schema)
    except UnmaskError as error:
        shape = json.dumps(error_shape(error), allow_nan=False).encode()
        assert len(shape) < 2000
        assert b"Traceback" not in shape


@settings(max_examples=400)
@given(MESSAGES)
def test_messages(message: dict[str, Any]) -> None:
    goes_through_or_is_named(message)


@settings(max_examples=150)
@given(MESSAGES)
def test_forms(message: dict[str, Any]) -> None:
    with contextlib.suppress(UnmaskError):
        goes_through_or_is_named(from_form(COMMANDS, message))


@settings(max_examples=300)
@given(st.text(max_size=200) | VALUES.map(json.dumps))
def test_texts(text: str) -> None:
    with contextlib.suppress(UnmaskError):
        assert isinstance(parse(text), dict)
