"""What the run panel begins with: the model's card, then the account's defaults, then what the
session used last."""

from __future__ import annotations

from typing import Any

from accounts.models import Profile
from inference.catalog import DEFAULT_RECIPE
from inference.limits import LIMITS
from visualizer.models import Run, Session
from visualizer.selectors.candidates import settings_from
from visualizer.views.suiting import suitable

CARD = {"recipe": "recipe", "tokens_per_step": "tokens_to_select"}
FLAGS = ("eos_last", "stop_at_end")
ANNOUNCE = (2, 60)
"""Seconds between announcements for screen readers, at least and at most."""
ANNOUNCE_DEFAULT = 5
PLAIN = {"recipe": DEFAULT_RECIPE, "strategy": "high_confidence", "tokens_to_select": 1}


def account_settings(user: Any) -> dict[str, Any]:
    """Everything that the account keeps; guests have a row too, which sign-up turns into theirs."""
    profile = Profile.objects.filter(user_id=user.pk or 0).first()
    return dict(profile.settings) if profile else {}


def defaults_of(user: Any) -> dict[str, Any]:
    """The account's own defaults of the workspace."""
    found = account_settings(user).get("defaults")
    return dict(found) if isinstance(found, dict) else {}


def chosen_settings(user: Any, session: Session) -> dict[str, Any]:
    """Name → value of the panel's fields; a recipe that does not suit the model is never chosen."""
    usual = session.model.card.get("decoding", {})
    card = {name: usual[key] for key, name in CARD.items() if key in usual}
    chosen: dict[str, Any] = PLAIN | card | defaults_of(user)
    chosen |= settings_from(session.settings).model_dump(include=set(session.settings))
    chosen |= _last_run(session)
    known = suitable(session.model)
    if chosen["recipe"] not in known:
        chosen["recipe"] = card.get("recipe") if card.get("recipe") in known else known[0]
    return chosen


def _last_run(session: Session) -> dict[str, Any]:
    """Recipe and options of the session's newest run."""
    run = Run.objects.filter(session=session).order_by("-pk").first()
    if run is None:
        return {}
    flags = {name: bool(run.parameters.get(name)) for name in FLAGS}
    pace = run.parameters.get("tokens_per_step")
    limit = LIMITS["tokens_to_select"]
    known = isinstance(pace, int) and limit.low <= pace <= limit.high
    return {
        "recipe": run.recipe,
        "run_temperature": run.parameters.get("temperature", 0),
        "keep_settled": run.keep_settled,
        **flags,
        **({"tokens_to_select": pace} if known else {}),
    }


def from_preset(values: dict[str, Any], session: Session) -> dict[str, Any]:
    """A preset's values by the panel's field names; a recipe that does not suit is left out."""
    parameters = values.get("parameters", {})
    found = {"strategy": values.get("strategy"), "tokens_to_select": values.get("tokens_per_step")}
    if values.get("recipe") in suitable(session.model):
        found["recipe"] = values["recipe"]
    found["run_temperature"] = parameters.get("temperature")
    found |= {name: parameters.get(name) for name in FLAGS}
    found |= values.get("settings") or {}
    return {name: value for name, value in found.items() if value is not None}


def behaviour_of(user: Any) -> dict[str, Any]:
    """Whether single-letter keys are off, and the seconds between announcements."""
    held = account_settings(user)
    return {"keys_off": held.get("keys") == "off", "announce": announce_of(held)}


def announce_of(held: dict[str, Any]) -> int:
    """The account's interval between announcements in seconds."""
    value = held.get("announce")
    if isinstance(value, int) and ANNOUNCE[0] <= value <= ANNOUNCE[1]:
        return value
    return ANNOUNCE_DEFAULT
