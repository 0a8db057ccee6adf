"""`decide` and its calibrations."""

from __future__ import annotations

from typing import Any

from asgiref.sync import sync_to_async
from django.http import HttpRequest
from django.urls import reverse
from ninja import Router

from core.commands.ask import LOAD_WAIT_SECONDS, ask, ask_now
from core.http.stream_log import timed
from visualizer.api import model_list
from visualizer.api.answers import CalibrationAnswer, CalibrationDeleted, CalibrationList, Decision
from visualizer.api.errors import documented
from visualizer.api.requests import DecideRequest
from visualizer.commands import COMMANDS
from visualizer.commands.schemas.decisions import Calibrate
from visualizer.selectors.calibrations import calibration as calibration_of

router = Router(tags=["decisions"])
LATE = "The decision was not there in time. Ask again, with a request_id to have it only once."


@router.post("/decide", response=documented(Decision))
async def decide(request: HttpRequest, data: DecideRequest) -> dict[str, Any]:
    """A distribution over given choices for each gap of a text, from one forward pass.

    A gap takes `choices`, `yes_no` or a `scale` of numbers. Choices of several tokens are compared
    by the joint likelihood of their tokens.
    """
    message = await sync_to_async(_message)(request.user, data, "decide")
    seconds = LOAD_WAIT_SECONDS if data.timeout is None else data.timeout
    async with timed("decide", request.user.pk, message["model"]):
        return await ask(COMMANDS, request.user, message, seconds=seconds, late=LATE)


def _message(user: Any, asked: Any, name: str) -> dict[str, Any]:
    """The command of a request, with the account's own model where none is named.

    Raises UnmaskError for a calibration that is not theirs, before a worker is troubled.
    """
    if getattr(asked, "calibration", None) is not None:
        calibration_of(user, asked.calibration)
    fields = asked.model_dump(exclude={"timeout"}, exclude_none=True)
    return {**fields, "type": name, "model": model_list.usable(asked.model, user).slug}


@router.post("/calibrations", response=documented(CalibrationAnswer))
def calibrate(request: HttpRequest, data: Calibrate) -> dict[str, Any]:
    """Fit a temperature on examples whose answers are known. It is worked in the background."""
    return _told(ask_now(COMMANDS, request.user, _message(request.user, data, "calibrate")))


@router.get("/calibrations", response=documented(CalibrationList))
def calibrations(request: HttpRequest) -> dict[str, Any]:
    """Your newest calibrations, the newest first."""
    found = ask_now(COMMANDS, request.user, {"type": "list_calibrations"})["calibrations"]
    return {"calibrations": [_with_page(one) for one in found]}


@router.get("/calibrations/{uuid:id}", response=documented(CalibrationAnswer))
def calibration(request: HttpRequest, id: str) -> dict[str, Any]:
    """A calibration of yours: how far it is, and what was measured."""
    message = {"type": "calibration", "calibration": str(id)}
    return _told(ask_now(COMMANDS, request.user, message))


@router.post("/calibrations/{uuid:id}/cancel", response=documented(CalibrationAnswer))
def cancel(request: HttpRequest, id: str) -> dict[str, Any]:
    """End a calibration after the example in the making."""
    message = {"type": "cancel_calibration", "calibration": str(id)}
    return _told(ask_now(COMMANDS, request.user, message))


@router.delete("/calibrations/{uuid:id}", response=documented(CalibrationDeleted))
def delete(request: HttpRequest, id: str) -> dict[str, Any]:
    """Forget a calibration that has ended, with its examples."""
    message = {"type": "delete_calibration", "calibration": str(id)}
    return {"deleted": ask_now(COMMANDS, request.user, message)["calibration"]}


def _told(reply: dict[str, Any]) -> dict[str, Any]:
    return _with_page(reply["calibration"])


def _with_page(told: dict[str, Any]) -> dict[str, Any]:
    return {**told, "url": reverse("calibration", args=[told["id"]])}
