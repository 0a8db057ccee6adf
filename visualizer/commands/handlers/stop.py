"""Stopping a run."""

from __future__ import annotations

from typing import Any

from visualizer.commands.requests import Request
from visualizer.selectors.event_payloads import run_payload
from visualizer.services.runs import request_stop


def stop(request: Request) -> dict[str, Any]:
    """run_changed: the run will stop after the step in the making."""
    return {"type": "run_changed", "run": run_payload(request_stop(session=request.session))}
