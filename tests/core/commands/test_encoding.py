"""Messages come out the same whether they are encoded at once or in pieces."""

from __future__ import annotations

import json
import math
import sys
import threading
import time
from typing import Any
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as some

from core.commands import encoding
from core.commands.encoding import as_json

FLOATS = some.floats(allow_nan=False, allow_infinity=False)
KEYS = some.text() | some.integers()
VALUES = some.recursive(
    some.none() | some.booleans() | some.integers() | some.text() | FLOATS,
    lambda inner: some.lists(inner, max_size=4) | some.dictionaries(KEYS, inner, max_size=4),
    max_leaves=20,
)


@given(VALUES)
def test_pieces_are_what_the_encoder_makes(value: Any) -> None:
    whole = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    with mock.patch.multiple(encoding, LONG=2, RUN=2):  # everything in pieces
        assert "".join(encoding._pieces(value, encoding.DEPTH)) == whole


def test_an_entry_of_a_long_list_is_one_piece() -> None:
    """A call of the encoder for every number would take several times as long as the whole."""
    row = {"position": 1, "candidates": [{"token_id": n, "prob": 0.25} for n in range(20)]}
    pieces = list(encoding._pieces({"result": {"positions": [row] * 160}}, encoding.DEPTH))
    assert len(pieces) < 40


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_what_is_no_number_is_refused(bad: float) -> None:
    for message in ({"a": bad}, {"a": [{"b": bad}] * 100}):
        with pytest.raises(ValueError, match="not JSON compliant"):
            as_json(message)


def test_others_run_while_a_large_message_is_encoded() -> None:
    candidates = [{"token": "x" * 20, "prob": 0.25, "rank": n} for n in range(20)]
    message = {"type": "r", "result": {"positions": [{"candidates": candidates}] * 2000}}
    ticks, done = [0], threading.Event()

    def tick() -> None:
        while not done.is_set():
            ticks[0] += 1
            time.sleep(0)

    former = sys.getswitchinterval()
    sys.setswitchinterval(1e-4)
    other = threading.Thread(target=tick)
    other.start()
    try:
        before = ticks[0]
        as_json(message)
        assert ticks[0] - before > 5
    finally:
        done.set()
        other.join()
        sys.setswitchinterval(former)
