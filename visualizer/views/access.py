"""Pages that are read through two doors: by the owner under /sessions/, by a link under /r/."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any
from uuid import UUID

from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.views.decorators.http import require_safe

from accounts.paths import socket_of
from core.http.links import read_by_link
from visualizer.models import Session
from visualizer.selectors.readers import Holder, Owner, Reader, holder_of, session_read_by

View = Callable[..., HttpResponseBase]


@dataclass(frozen=True, slots=True)
class SessionAccess:
    """A session as a page shows it; `base` is the address that the page's others begin with."""

    session: Session
    reader: Reader
    base: str
    socket: str

    @property
    def read_only(self) -> bool:
        return isinstance(self.reader, Holder)

    @property
    def context(self) -> dict[str, Any]:
        """What every template of the workspace needs."""
        names = ("session", "base", "socket", "read_only")
        return {name: getattr(self, name) for name in names}


def session_page(view: View) -> View:
    """`view(request, access, …)` becomes a page of both doors; for anybody else there is none."""

    @wraps(view)
    @require_safe
    def answer(
        request: HttpRequest, session_id: UUID | None = None, token: str = "", **rest: Any
    ) -> HttpResponseBase:
        if token:
            return _by_link(view, request, token, **rest)
        if not request.user.is_authenticated:
            return redirect_to_login(request.get_full_path())
        return view(request, access_of(Owner(request.user), session_id), **rest)

    return answer


def _by_link(view: View, request: HttpRequest, token: str, **rest: Any) -> HttpResponseBase:
    access = access_by_link(token)
    return read_by_link(request, token, lambda: view(request, access, **rest))


def access_by_link(token: str) -> SessionAccess:
    """What a link shows. Raises not_found for revoked, expired and unknown ones alike."""
    holder = holder_of(token)
    return access_of(holder, None, reverse("shared", args=[token]), socket_of(f"/r/{token}/"))


def access_of(reader: Reader, id: UUID | None, base: str = "", socket: str = "") -> SessionAccess:
    """A session for its reader. Raises UnmaskError (not_found) for anybody else."""
    session = session_read_by(reader, id)
    own = reverse("workspace", args=[session.pk])
    return SessionAccess(session, reader, base or own, socket or socket_of(own))
