"""SHA-256 chain over the parts of a record: header, branches, steps and forward passes.

Each step carries the hash of everything before and in it, the record that of everything. A flipped
bit, a part left out or put elsewhere breaks it from there on. It guards against accidents: whoever
changes a record on purpose can make the hashes again.
"""

from __future__ import annotations

from typing import NoReturn

from core.records.chain import Chain, Part, canonical
from inference.errors import UnmaskError

__all__ = ["Chain", "canonical", "is_sealed", "verify"]
SEALED = 2
"""Records from this version on carry the chain; older ones cannot be verified."""
UNVERIFIED = "It is of an older version without hashes, so it could not be verified."
_OUTSIDE = ("branches", "chain")
_LISTS = ("steps", "forwards")


def is_sealed(record: Part) -> bool:
    """Whether the record carries a chain by which it can be verified."""
    return bool(record["version"] >= SEALED)


def verify(record: Part) -> None:
    """Raises UnmaskError at the first part whose hash is another; older records pass unverified."""
    if not is_sealed(record):
        if "chain" in record:
            _broken("version")
        return
    chain = Chain({key: value for key, value in record.items() if key not in _OUTSIDE})
    for index, branch in enumerate(record["branches"]):
        chain.add({key: value for key, value in branch.items() if key not in _LISTS})
        for number, step in enumerate(branch["steps"]):
            if step.get("hash") != chain.add(step):
                _broken(f"branches.{index}.steps.{number}")
        for forward in branch["forwards"]:
            chain.add(forward)
    if record.get("chain") != chain.hash:
        _broken("chain")


def _broken(field: str) -> NoReturn:
    raise UnmaskError(
        "validation",
        f"The record is damaged at or before {field}: it is not what was written. Download it "
        "again, or use another copy.",
        field,
    )
