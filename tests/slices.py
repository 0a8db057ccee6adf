"""Slices as short as they may be, for tests of what happens between two of them."""

from __future__ import annotations

import pytest

from core.worker import slices


def short_slices(monkeypatch: pytest.MonkeyPatch, seconds: float = 0.0) -> None:
    """Let slices end after so many seconds, as if others waited for a thread."""
    monkeypatch.setattr(slices, "SLICE_SECONDS", seconds)
    monkeypatch.setattr(slices, "others_wait", lambda: True)
