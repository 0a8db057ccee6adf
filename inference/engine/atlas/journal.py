"""Finished units in a file of JSON lines, so that an interrupted run goes on where it was."""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from inference.engine.atlas.grid import Way
from inference.engine.atlas.measure import Extent, Measured, Outcome, Refused, Unit


class Journal:
    """What runs over one extent have found, and the seconds of the clock that they took.

    Lines of another extent are not read: their cases are others.
    """

    def __init__(self, path: Path, extent: Extent) -> None:
        self.path, self.extent = path, extent
        self.found: dict[Unit, Outcome] = {}
        self.seconds = 0.0
        self.since = time.monotonic()
        if path.exists():
            for line in path.read_text(encoding="utf-8").splitlines():
                self._read(json.loads(line))

    def add(self, unit: Unit, outcome: Outcome) -> None:
        """Keep a finished unit; the time since the last one counts as its own."""
        now = time.monotonic()
        taken, self.since = now - self.since, now
        told = {
            "extent": _told(self.extent),
            "unit": unit,
            "seconds": round(taken, 3),
            "measured": [asdict(one) for one in outcome if isinstance(one, Measured)],
            "refused": [asdict(one) for one in outcome if isinstance(one, Refused)],
        }
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(told) + "\n")
        self.found[unit] = outcome
        self.seconds += taken

    def _read(self, told: dict[str, Any]) -> None:
        if told["extent"] != _told(self.extent):
            return
        task, recipe = told["unit"]
        refused = (Refused(r["task"], Way(**r["way"]), r["reason"]) for r in told["refused"])
        self.found[task, recipe] = [*(Measured(**one) for one in told["measured"]), *refused]
        self.seconds += told["seconds"]


def _told(extent: Extent) -> dict[str, Any]:
    return {"cases": extent.cases, "seeds": list(extent.seeds)}
