"""One slice of a run: steps until the time is over, a command waits, or a stop is asked for."""

from __future__ import annotations

from visualizer.services.leases import Lease


def work_slice(lease: Lease) -> None:
    """Work the session's active run for a while."""
