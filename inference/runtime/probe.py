"""A first look at somebody else's checkpoint, in a child process that may die of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from inference.engine.errors import LoadCancelled
from inference.errors import UnmaskError

CHILD = Path(__file__).with_name("probe_child.py")
SECONDS = 60
BYTES = 4 * 2**30
"""Time and address space that the child may use."""
LOOK = 0.1
"""Seconds between two looks at the clock and at the wish for an end."""


def probe(
    directory: Path,
    seconds: float = SECONDS,
    limit: int = BYTES,
    cancel: Callable[[], bool] = lambda: False,
) -> None:
    """Raises UnmaskError("model_loading") for files that break, stall or bloat their readers.

    `cancel` is asked ten times a second: LoadCancelled when it answers true, and whatever it
    raises; either way the child is ended.
    """
    child = subprocess.Popen(
        [sys.executable, "-I", str(CHILD), str(directory), str(limit)],
        env={"PATH": os.defpath},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    try:
        output = _answer(child, time.monotonic() + seconds, cancel)
    finally:
        child.kill()
        child.communicate()
    fault = _fault(output, child.returncode)
    if fault:
        raise _refused(fault)


def _answer(child: subprocess.Popen[bytes], end: float, cancel: Callable[[], bool]) -> bytes:
    while not cancel():
        try:
            return child.communicate(timeout=max(0.0, min(LOOK, end - time.monotonic())))[0]
        except subprocess.TimeoutExpired:
            if time.monotonic() >= end:
                raise _refused("looking at them took too long") from None
    raise LoadCancelled("Loading was cancelled.")


def _fault(output: bytes, code: int) -> str:
    try:
        return str(json.loads(output)["fault"])
    except (ValueError, KeyError, TypeError):
        return f"their reader ended with code {code}"


def _refused(why: str) -> UnmaskError:
    return UnmaskError("model_loading", f"The model's files were refused: {why}.", "model_path")
