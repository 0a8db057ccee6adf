"""Who may change what everybody uses: the list of models."""

from __future__ import annotations

from typing import Any

from django.conf import settings

from inference.errors import UnmaskError


def may_manage(user: Any) -> bool:
    """Staff on a site of several people; anybody where one process serves its own machine."""
    return bool(settings.EMBEDDED or user.is_staff)


def require_manager(user: Any) -> None:
    """Raises UnmaskError (auth) for everybody else."""
    if not may_manage(user):
        raise UnmaskError("auth", "Models of a site are brought and removed by its staff.")
