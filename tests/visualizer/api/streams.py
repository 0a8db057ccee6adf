"""Reading server-sent events in tests."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any


@dataclass
class Seen:
    """A frame: its id, and its data as an object."""

    id: str
    data: dict[str, Any]

    @property
    def type(self) -> str:
        return str(self.data["type"])


def parsed(text: str) -> list[Seen]:
    """All frames of a stream's text; comments are left out."""
    seen = []
    for block in text.split("\n\n"):
        lines = dict(line.split(": ", 1) for line in block.split("\n") if line[:1] not in ("", ":"))
        if "data" in lines:
            seen.append(Seen(lines.get("id", ""), json.loads(lines["data"])))
    return seen


def joined(frames: list[Seen]) -> str:
    """The texts of all step frames."""
    return "".join(frame.data["text"] for frame in frames if frame.type == "step")
