"""A site that begins at a path of its host: the application alone, and served behind nginx."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import RequestFactory
from pytest_django import Settings

from accounts.paths import path_inside, socket_of
from config.env import Env
from config.prefix import with_prefix, without_prefix

PREFIX = "/unmask"


async def seen(wrap: Any, path: str, *more: Any) -> str:
    """The path that reaches the application inside."""
    found: list[str] = []

    async def inner(scope: dict[str, Any], receive: Any, send: Any) -> None:
        found.append(scope["path"])

    await wrap(inner, PREFIX, *more)({"path": path}, None, None)
    return found[0]


@pytest.mark.parametrize(
    ("path", "inside"),
    [
        ("/unmask/sessions/", "/unmask/sessions/"),
        ("/sessions/", "/unmask/sessions/"),
        ("/", "/unmask/"),
        ("/unmask", "/unmask"),
        ("/unmasked/", "/unmask/unmasked/"),
        ("/readyz", "/readyz"),
    ],
)
async def test_pages_are_found_whether_or_not_the_proxy_cuts_the_prefix_off(
    path: str, inside: str
) -> None:
    assert await seen(with_prefix, path, ("/readyz",)) == inside


@pytest.mark.parametrize("path", ["/unmask/ws/chat/stream", "/ws/chat/stream"])
async def test_sockets_do_not_see_the_prefix(path: str) -> None:
    assert await seen(without_prefix, path) == "/ws/chat/stream"


@pytest.mark.parametrize(
    ("text", "prefix"), [("", ""), ("/", ""), ("unmask", "/unmask"), ("/a/b/", "/a/b")]
)
def test_slashes_around_the_prefix_do_not_matter(
    monkeypatch: pytest.MonkeyPatch, text: str, prefix: str
) -> None:
    monkeypatch.setenv("PATH_PREFIX", text)
    assert Env().prefix == prefix


@pytest.mark.parametrize("text", ["//host", "/a b", "/a?b", "http://a"])
def test_what_is_no_path_is_refused(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("PATH_PREFIX", text)
    with pytest.raises(ValueError, match="PATH_PREFIX"):
        Env()


def test_addresses_inside_the_site(settings: Settings) -> None:
    settings.PATH_PREFIX = PREFIX
    assert path_inside(RequestFactory().get("/unmask/api/chat")) == "/api/chat"
    assert socket_of("/unmask/sessions/7/") == "/unmask/ws/sessions/7/"
    assert socket_of("/training/7") == "/unmask/ws/training/7"
