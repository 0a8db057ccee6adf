"""Compiles a regular expression or a JSON Schema to an automaton over bytes, in a child process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from inference.engine.errors import InputError

CHILD = Path(__file__).with_name("compile_child.py")
SECONDS = 5
BYTES = 2 * 2**30
"""Time and address space that the child may use."""


@dataclass(frozen=True, slots=True)
class Grammar:
    """What an answer must match as a whole; one of the two is given.

    `regex`: a regular expression of the Rust library `regex`, without look-around and references.
    `json_schema`: a JSON Schema as text.
    """

    regex: str | None = None
    json_schema: str | None = None

    @property
    def field(self) -> str:
        """The name of the parameter that holds it."""
        return "json_schema" if self.regex is None else "regex"


@dataclass(frozen=True, slots=True)
class ByteAutomaton:
    """`moves` [S, 256] int32: the next state, -1 where no text goes on; state 0 is the first.

    `accepting` [S]: whether a text may end in a state.
    """

    moves: NDArray[np.int32]
    accepting: NDArray[np.bool_]


@lru_cache(maxsize=64)
def compiled(grammar: Grammar) -> ByteAutomaton:
    """The grammar's automaton. Raises InputError with the field, also for one that is too large."""
    if grammar.json_schema is not None:
        _check_json(grammar.json_schema)
        asked = {"schema": grammar.json_schema}
    else:
        asked = {"pattern": grammar.regex or ""}
    message = json.dumps({**asked, "seconds": SECONDS, "bytes": BYTES}).encode()
    head, _, table = _ask(message, grammar.field).partition(b"\n")
    try:
        told = json.loads(head)
    except ValueError:
        raise InputError("The pattern is too complex.", grammar.field) from None
    if told["fault"]:
        raise InputError(f"This cannot be matched: {told['fault']}.", grammar.field)
    moves = np.frombuffer(table, dtype=np.int32).reshape(told["states"], 256)
    accepting = np.zeros(told["states"], dtype=np.bool_)
    accepting[told["accepting"]] = True
    return ByteAutomaton(moves, accepting)


def _check_json(text: str) -> None:
    try:
        schema = json.loads(text)
    except (ValueError, RecursionError):
        raise InputError("json_schema is not JSON.", "json_schema") from None
    if not isinstance(schema, dict):
        raise InputError("json_schema must be an object.", "json_schema")


def _ask(message: bytes, field: str) -> bytes:
    child = subprocess.Popen(
        [sys.executable, "-I", str(CHILD)],
        env={"PATH": os.defpath},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    try:
        return child.communicate(message, timeout=2 * SECONDS)[0]
    except subprocess.TimeoutExpired:
        raise InputError("The pattern is too complex.", field) from None
    finally:
        child.kill()
        child.communicate()
