"""Beginning, cancelling and looking at calibrations."""

from __future__ import annotations

from typing import Any

from visualizer.commands.requests import Request
from visualizer.models import Calibration
from visualizer.selectors import calibrations as selectors
from visualizer.services import calibrations as services


def calibrate(request: Request) -> dict[str, Any]:
    """calibration: it is queued."""
    fields = request.message.model_dump(exclude={"request_id"})
    return _told(services.calibrate(owner=request.user, **fields))


def cancel_calibration(request: Request) -> dict[str, Any]:
    """calibration: it will end after the example in the making."""
    row = selectors.calibration(request.user, request.message.calibration)
    return _told(services.cancel(row=row))


def delete_calibration(request: Request) -> dict[str, Any]:
    """calibration_deleted: it is forgotten, and so are its examples."""
    row = selectors.calibration(request.user, request.message.calibration)
    services.delete(row=row)
    return {"type": "calibration_deleted", "calibration": request.message.calibration}


def calibration(request: Request) -> dict[str, Any]:
    """calibration with what is measured."""
    return _told(selectors.calibration(request.user, request.message.calibration))


def list_calibrations(request: Request) -> dict[str, Any]:
    """calibration_list: how far each is."""
    rows = selectors.calibrations(request.user)[: request.message.limit]
    return {"type": "calibration_list", "calibrations": [selectors.payload(row) for row in rows]}


def _told(row: Calibration) -> dict[str, Any]:
    return {"type": "calibration", "calibration": selectors.payload(row)}
