"""A first look at somebody else's checkpoint, in a child process that may die of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from inference.errors import UnmaskError

CHILD = Path(__file__).with_name("probe_child.py")
SECONDS = 60
BYTES = 4 * 2**30
"""Time and address space that the child may use."""


def probe(directory: Path, seconds: float = SECONDS, limit: int = BYTES) -> None:
    """Raises UnmaskError("model_loading") for files that break, stall or bloat their readers."""
    command = [sys.executable, "-I", str(CHILD), str(directory), str(limit)]
    try:
        done = subprocess.run(
            command,
            env={"PATH": os.defpath},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise _refused("looking at them took too long") from None
    fault = _fault(done.stdout, done.returncode)
    if fault:
        raise _refused(fault)


def _fault(output: bytes, code: int) -> str:
    try:
        return str(json.loads(output)["fault"])
    except (ValueError, KeyError, TypeError):
        return f"their reader ended with code {code}"


def _refused(why: str) -> UnmaskError:
    return UnmaskError("model_loading", f"The model's files were refused: {why}.", "model_path")
