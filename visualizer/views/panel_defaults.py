"""What the run panel begins with: the model's card, then the account's defaults, then what the
session used last."""

from __future__ import annotations

from typing import Any

from accounts.models import Profile
from inference.catalog import DEFAULT_RECIPE, card_parameters
from inference.catalog.card import ELSEWHERE, OF_THE_TEXT
from inference.limits import LIMITS
from visualizer.models import Run, Session
from visualizer.selectors.candidates import settings_from
from visualizer.views.recipes import suitable

CARD = {"recipe": "recipe", "tokens_per_step": "tokens_to_select"}
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
    own = defaults_of(user)
    flags = {name: True for name in OF_THE_TEXT if own.pop(name, None) or usual.get(name)}
    chosen: dict[str, Any] = PLAIN | card | own
    chosen |= settings_from(session.settings).model_dump(include=set(session.settings))
    last = _last_run(session)
    chosen |= last
    known = suitable(session.model)
    if chosen["recipe"] not in known:
        chosen["recipe"] = card.get("recipe") if card.get("recipe") in known else known[0]
    if not last:
        chosen["parameters"] = card_parameters(session.model.card, chosen["recipe"]) | flags
    return chosen


def _last_run(session: Session) -> dict[str, Any]:
    """Recipe, parameters and pace of the session's newest run."""
    run = Run.objects.filter(session=session).order_by("-pk").first()
    if run is None:
        return {}
    own = {name: held for name, held in run.parameters.items() if name not in ELSEWHERE}
    found = {"recipe": run.recipe, "parameters": own, "keep_settled": run.keep_settled}
    pace = _pace_of(session, run)
    return found | ({"tokens_to_select": pace} if pace else {})


def _pace_of(session: Session, run: Run) -> int | None:
    """Tokens a step as they were typed; steps tell it of runs that began at the start."""
    pace, steps = run.parameters.get("tokens_per_step"), run.parameters.get("steps")
    if pace is None and isinstance(steps, int) and steps > 0 and run.first_step == 1:
        pace = -(-session.opened // steps)
    limit = LIMITS["tokens_to_select"]
    return pace if isinstance(pace, int) and limit.low <= pace <= limit.high else None


def from_preset(values: dict[str, Any], session: Session) -> dict[str, Any]:
    """A preset's values by the panel's field names; a recipe that does not suit is left out."""
    found = {"strategy": values.get("strategy"), "tokens_to_select": values.get("tokens_per_step")}
    if values.get("recipe") in suitable(session.model):
        found["recipe"] = values["recipe"]
    found["parameters"] = values.get("parameters")
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
