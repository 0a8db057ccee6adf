"""The account's own defaults of generations: kept with it, used where a request is silent."""

from __future__ import annotations

from typing import Any, TypeVar

from accounts.models import Profile
from visualizer.api.requests import Decoding, LoadRequest

KEY = "service"
NAMES = ("max_new_tokens", "timeout", "auto_trim", "fix_punctuation")
"""Fields of a request that an account may have a default for; `device` is one of loading."""
Asked = TypeVar("Asked", bound=Decoding)


def defaults_of(user: Any) -> dict[str, Any]:
    """What the account has chosen; nothing for what it has not."""
    profile = Profile.objects.filter(user_id=user.pk or 0).first()
    held = profile.settings.get(KEY) if profile else None
    return dict(held) if isinstance(held, dict) else {}


def keep(user: Any, asked: Decoding, device: str) -> None:
    """Make a request's values, and a device, the account's own."""
    values = {name: getattr(asked, name) for name in NAMES}
    chosen = {name: value for name, value in values.items() if value is not None}
    profile = Profile.objects.get(user_id=user.pk)
    profile.settings |= {
        KEY: {**chosen, "device": LoadRequest.model_validate({"device": device}).device}
    }
    profile.save(update_fields=["settings"])


def with_defaults(user: Any, asked: Asked) -> Asked:
    """The request with the account's defaults where it says nothing."""
    silent = {name for name in NAMES if getattr(asked, name) is None}
    found = {name: value for name, value in defaults_of(user).items() if name in silent}
    return asked.model_copy(update=found) if found else asked
