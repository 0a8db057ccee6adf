"""Who is asking over a socket, and whether the page that asks may."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

from channels.auth import AuthMiddlewareStack
from channels.db import database_sync_to_async
from django.conf import settings
from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY
from django.contrib.auth.models import User
from django.contrib.sessions.backends.db import SessionStore
from django.http.cookie import parse_cookie
from django.utils.crypto import constant_time_compare

from accounts.guests import create_guest
from accounts.models import ApiToken
from accounts.origins import origin_problem
from accounts.rate_limits import NEW_GUESTS, address_key
from accounts.seats import TOO_MANY
from accounts.tokens import bearer, find

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

UNAUTHORISED = 4401
"""Close code for a socket whose caller is nobody, or nobody any more."""
FOREIGN = 4403
"""Close code for a socket of a page that is not of this site."""
log = logging.getLogger(__name__)


class Refusal(NamedTuple):
    """Why a socket is closed at once: at most 123 bytes of reason cross the wire."""

    code: int
    reason: str


SIGN_IN = Refusal(UNAUTHORISED, "sign in, or send a valid API token")


def AccountMiddlewareStack(inner: App) -> App:
    """Origin, then cookie, then token or guest; `scope["user"]` is an account behind it."""
    stack: App = OriginValidator(AuthMiddlewareStack(_AccountMiddleware(inner)))
    return stack


class OriginValidator:
    """Lets pages of this site and programs pass; whoever stands behind it says who may come in."""

    def __init__(self, inner: App) -> None:
        self.inner = inner

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        problem = origin_problem(
            _header(scope, b"origin"), _header(scope, b"host") or "", _by_cookie(scope)
        )
        if not problem:
            await self.inner(scope, receive, send)
            return
        log.warning("socket refused: %s", problem)
        await refuse(receive, send, Refusal(FOREIGN, problem))


class _AccountMiddleware:
    def __init__(self, inner: App) -> None:
        self.inner = inner

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        found = await database_sync_to_async(_identify)(scope)
        if isinstance(found, Refusal):
            await refuse(receive, send, found)
        else:
            await self.inner({**scope, **found}, receive, send)


async def refuse(receive: Receive, send: Send, refusal: Refusal) -> None:
    """Accept, then close: only an accepted socket lets a browser see code and reason."""
    await receive()
    await send({"type": "websocket.accept"})
    await send({"type": "websocket.close", **refusal._asdict()})


def _by_cookie(scope: Scope) -> bool:
    """Whether a cookie says who asks: a token counts before it."""
    cookies = parse_cookie(_header(scope, b"cookie") or "")
    token = bearer(_header(scope, b"authorization") or "")
    return settings.SESSION_COOKIE_NAME in cookies and token is None


def _identify(scope: Scope) -> Scope | Refusal:
    """What the scope learns about its caller, or why nobody comes in like this."""
    text = bearer(_header(scope, b"authorization") or "")
    if text is not None:
        token = find(text)
        return {"user": token.user, "api_token": token.pk} if token else SIGN_IN
    if scope["user"].is_authenticated:
        return {"user": User.objects.get(pk=scope["user"].pk)}
    return _as_guest(scope) if settings.ALLOW_GUESTS else SIGN_IN


def _as_guest(scope: Scope) -> Scope | Refusal:
    host, _ = scope.get("client") or ("", 0)
    key = address_key(host)
    if NEW_GUESTS.hit(key):
        return {"user": create_guest(), "guest": True}
    return Refusal(TOO_MANY, f"too many new guests; try again in {NEW_GUESTS.retry_after(key)} s")


def still_allowed(scope: Scope) -> bool:
    """Whether an open socket's caller is still signed in; ask again for every message.

    False after sign-out, a changed password, a revoked token, a closed account.
    """
    user = User.objects.filter(pk=scope["user"].pk, is_active=True).first()
    if user is None:
        return False
    if "api_token" in scope:
        return ApiToken.objects.filter(pk=scope["api_token"], user=user).exists()
    return bool(scope.get("guest")) or _session_holds(scope["session"].session_key, user)


def _session_holds(key: str | None, user: User) -> bool:
    session = SessionStore(key)
    mine = str(session.get(SESSION_KEY)) == str(user.pk)
    return mine and constant_time_compare(
        session.get(HASH_SESSION_KEY, ""), user.get_session_auth_hash()
    )


def _header(scope: Scope, name: bytes) -> str | None:
    values = [value for key, value in scope["headers"] if key == name]
    return values[0].decode("latin1") if values else None
