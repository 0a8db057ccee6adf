"""What the run panel begins with: the model's card, then the account's defaults, then what the
session used last."""

from __future__ import annotations

from typing import Any

from accounts.models import Profile
from inference.limits import LIMITS
from visualizer.models import Run, Session
from visualizer.views.suiting import suitable

CARD = {"recipe": "recipe", "tokens_per_step": "tokens_to_select"}
PLAIN = {"recipe": "llada/low_confidence", "strategy": "high_confidence", "tokens_to_select": 1}


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
    chosen |= session.settings | _last_run(session)
    known = suitable(session.model)
    if chosen["recipe"] not in known:
        chosen["recipe"] = card.get("recipe") if card.get("recipe") in known else known[0]
    return chosen


def _last_run(session: Session) -> dict[str, Any]:
    """Recipe and options of the session's newest run."""
    run = Run.objects.filter(session=session).order_by("-pk").first()
    if run is None:
        return {}
    flags = {name: bool(run.parameters.get(name)) for name in ("eos_last", "stop_at_end")}
    pace = run.parameters.get("tokens_per_step")
    limit = LIMITS["tokens_to_select"]
    known = isinstance(pace, int) and limit.low <= pace <= limit.high
    return {
        "recipe": run.recipe,
        "run_temperature": run.parameters.get("temperature", 0),
        **flags,
        **({"tokens_to_select": pace} if known else {}),
    }
