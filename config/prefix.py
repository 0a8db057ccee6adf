"""PATH_PREFIX in front of every address, whether or not the proxy passes it on."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

Scope = dict[str, Any]
App = Callable[[Scope, Any, Any], Awaitable[None]]


def with_prefix(inner: App, prefix: str, but: tuple[str, ...] = ()) -> App:
    """An ASGI application whose paths all begin with the prefix; those in `but` stay as they are.

    A proxy that cuts it off is as good as one that passes addresses on as they come.
    """

    async def application(scope: Scope, receive: Any, send: Any) -> None:
        path = scope["path"]
        if path not in but and not f"{path}/".startswith(f"{prefix}/"):
            scope = {**scope, "path": prefix + path}
        await inner(scope, receive, send)

    return application


def without_prefix(inner: App, prefix: str) -> App:
    """An ASGI application that never sees the prefix: sockets, whose addresses nobody reverses."""

    async def application(scope: Scope, receive: Any, send: Any) -> None:
        path = scope["path"]
        if path.startswith(f"{prefix}/"):
            scope = {**scope, "path": path.removeprefix(prefix)}
        await inner(scope, receive, send)

    return application
