"""Records of before, and how to change one."""

from __future__ import annotations

import copy
from typing import Any


def unsealed(record: dict[str, Any]) -> dict[str, Any]:
    """The record without hashes, as they were once: what fails then is what the fields say."""
    made = copy.deepcopy(record)
    for branch in made["branches"]:
        for step in branch["steps"]:
            step.pop("hash", None)
    made.pop("chain", None)
    return made | {"version": 1}
