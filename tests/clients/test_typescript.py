"""The TypeScript declarations: made from the OpenAPI document, and true of what streams send."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from asgiref.sync import async_to_sync

from config.management.commands.typescript_types import FRAMES, text
from core.http.typescript import interface, type_of
from tests.visualizer.api.conftest import ask, listed, shipped, worker  # noqa: F401

FILE = Path(__file__).resolve().parents[2] / "clients" / "unmask_client.d.ts"
BIOME = Path(__file__).resolve().parents[2] / ".venv" / "bin" / "biome"
_INTERFACE = re.compile(r"export interface (\w+) \{\n(.*?)\n\}", re.S)
_FIELD = re.compile(r"^  (\w+)(\??): ", re.M)


def test_the_committed_file_is_up_to_date() -> None:
    assert FILE.read_text(encoding="utf-8") == text()


@pytest.mark.skipif(not BIOME.exists(), reason="no Biome for this platform")
def test_it_is_typescript() -> None:
    command = [str(BIOME), "format", "--stdin-file-path=unmask_client.d.ts"]
    done = subprocess.run(command, input=text(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("part", "kind"),
    [
        ({"type": "integer"}, "number"),
        ({"anyOf": [{"type": "number"}, {"type": "integer"}, {"type": "null"}]}, "number | null"),
        ({"type": "array", "items": {"anyOf": [{"type": "string"}, {"type": "null"}]}},
         "(string | null)[]"),
        ({"type": "array", "items": {"$ref": "#/components/schemas/Turn"}}, "Turn[]"),
        ({"type": "object", "additionalProperties": True}, "Record<string, unknown>"),
        ({"type": "object", "additionalProperties": {"type": "string"}}, "Record<string, string>"),
        ({"enum": ["a", "b"]}, '"a" | "b"'),
        ({"const": "a"}, '"a"'),
        ({}, "unknown"),
    ],
)  # fmt: skip
def test_types(part: dict[str, Any], kind: str) -> None:
    assert type_of(part) == kind


def test_a_field_that_may_be_left_out_is_marked() -> None:
    fields = {"a": {"type": "string"}, "b": {"type": "string"}}
    made = interface("One", {"required": ["a"], "properties": fields, "description": "An\n one."})
    assert made == "/** An one. */\nexport interface One {\n  a: string;\n  b?: string;\n}"


def shapes() -> dict[str, tuple[set[str], set[str]]]:
    """Of every hand-written interface the fields that are always there, and all."""
    found = {}
    for name, body in _INTERFACE.findall(FRAMES):
        fields = _FIELD.findall(body)
        found[name] = {f for f, mark in fields if not mark}, {f for f, _ in fields}
    return found


def fits(value: dict[str, Any], name: str) -> None:
    needed, known = shapes()[name]
    assert needed <= value.keys() <= known, name


NAMES = {"status": "StatusFrame", "step": "StepFrame", "complete": "CompleteFrame"}


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("generate/stream", {"prompt": "Once", "max_new_tokens": 4}),
        ("infill/stream", {"prefix": "Once", "suffix": ".", "length": 2}),
    ],
)
@pytest.mark.usefixtures("worker")
def test_frames_are_as_declared(ask: Any, path: str, body: dict[str, Any]) -> None:  # noqa: F811
    async def lines(answer: Any) -> list[bytes]:
        return [part async for part in answer.streaming_content]

    told = async_to_sync(lines)(ask.post(path, **body))
    frames = [
        json.loads(line.removeprefix(b"data: "))
        for part in told
        for line in part.splitlines()
        if line.startswith(b"data: ")
    ]
    assert [frames[0]["type"], frames[-1]["type"]] == ["status", "complete"]
    for frame in frames:
        fits(frame, NAMES[frame["type"]])
        for operation in frame.get("ops", ()):
            fits(operation, "Operation")
