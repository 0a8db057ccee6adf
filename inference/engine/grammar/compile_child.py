"""The child of `compiler`: run as a script, it writes an automaton over bytes, or what is wrong.

A pattern of a few characters may ask for more states than memory holds; here that ends nobody else.
Reads {"pattern": …} or {"schema": …} as JSON from its input. Prints a line of JSON with `fault` or
with `states`, and then the table: for each state 256 next states as int32, -1 where there is none;
state 0 is the first. It imports nothing of this project.
"""

from __future__ import annotations

import json
import resource
import sys
from array import array
from typing import Any

from outlines_core import Index, Vocabulary
from outlines_core.json_schema import build_regex_from_schema

STATES = 4000
END = 0
"""The byte that ends a text; none that matches holds it."""
DEPTH = 3
"""Times that a schema which refers to itself is followed."""


class Fault(Exception):
    """What is wrong, in words for whoever wrote the pattern."""


def pattern_of(asked: dict[str, Any]) -> str:
    """The regular expression that is asked for. Anchors at both ends say what holds anyhow."""
    if "schema" in asked:
        try:
            return str(build_regex_from_schema(asked["schema"], None, DEPTH))
        except Exception as error:
            raise Fault(f"the schema cannot be read: {_said(error)}") from error
    pattern = str(asked["pattern"]).removeprefix("^")
    ends = pattern.endswith("$") and (len(pattern) - len(pattern[:-1].rstrip("\\"))) % 2 == 1
    return pattern[:-1] if ends else pattern


def automaton(pattern: str) -> tuple[list[list[int]], list[int]]:
    """Rows of 256 next states, and the accepting states. State 0 is the first.

    The library forgets how a text that may end goes on where it could not end at once, so each text
    ends with a byte of its own here: a state accepts if that byte leads from it to an end.
    """
    known = {bytes([byte]): [byte] for byte in range(256)}
    try:
        index = Index(f"(?:{pattern})\\x00", Vocabulary(256, known))
    except Exception as error:
        raise Fault(f"the pattern cannot be read: {_said(error)}") from error
    moves, first = index.get_transitions(), index.get_initial_state()
    ends = set(index.get_final_states())
    names = [first, *sorted({*moves, *ends} - {first})]
    if len(names) > STATES:
        raise Fault(f"it needs {len(names)} states; {STATES} are possible")
    number = {name: i for i, name in enumerate(names)}
    rows = [_row(moves.get(name, {}), number) for name in names]
    accepting = [number[name] for name in names if moves.get(name, {}).get(END) in ends]
    return rows, accepting


def _row(moves: dict[int, int], number: dict[int, int]) -> list[int]:
    row = [-1] * 256
    for byte, state in moves.items():
        if END < byte < 256:
            row[byte] = number[state]
    return row


def _said(error: Exception) -> str:
    return " ".join(str(error).split())[:200]


def main() -> None:
    asked = json.load(sys.stdin)
    resource.setrlimit(resource.RLIMIT_AS, (asked["bytes"], asked["bytes"]))
    resource.setrlimit(resource.RLIMIT_CPU, (asked["seconds"], asked["seconds"]))
    try:
        rows, accepting = automaton(pattern_of(asked))
    except Fault as fault:
        print(json.dumps({"fault": str(fault)}))
        return
    print(json.dumps({"fault": "", "states": len(rows), "accepting": accepting}), flush=True)
    for row in rows:
        sys.stdout.buffer.write(array("i", row).tobytes())


if __name__ == "__main__":
    main()
