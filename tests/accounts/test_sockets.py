"""Who may open a socket, and whose socket is closed later."""

from __future__ import annotations

from typing import Any

import pytest
from asgiref.sync import sync_to_async
from channels.testing import WebsocketCommunicator
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client
from pytest_django import Settings

from accounts import tokens
from accounts.guests import is_guest
from accounts.origins import origin_problem
from accounts.seats import TOO_MANY
from accounts.sockets import FOREIGN, UNAUTHORISED, AccountMiddlewareStack, still_allowed

pytestmark = pytest.mark.django_db(transaction=True)
HOST = (b"host", b"localhost:8000")
PAGE = (b"origin", b"http://localhost:8000")
NAME = settings.SESSION_COOKIE_NAME
Header = tuple[bytes, bytes]
SCOPES: list[dict[str, Any]] = []


async def _inner(scope: dict[str, Any], receive: Any, send: Any) -> None:
    SCOPES.append(scope)
    await receive()
    await send({"type": "websocket.accept"})
    await send({"type": "websocket.send", "text": scope["user"].username})


def _socket(*headers: Header) -> WebsocketCommunicator:
    return WebsocketCommunicator(AccountMiddlewareStack(_inner), "/ws", headers=[HOST, *headers])


def _cookie(client: Client) -> Header:
    return b"cookie", f"{NAME}={client.cookies[NAME].value}".encode()


async def _name(*headers: Header) -> str:
    socket = _socket(*headers)
    assert (await socket.connect())[0]
    name: str = await socket.receive_from()
    return name


async def _closed(*headers: Header) -> int:
    socket = _socket(*headers)
    assert (await socket.connect())[0]
    return int((await socket.receive_output())["code"])


async def test_a_cookie_brings_its_account(owner_client: Client) -> None:
    assert await _name(_cookie(owner_client), PAGE) == "owner"


async def test_a_token_wins_over_a_cookie(owner_client: Client, friend: User) -> None:
    text = await sync_to_async(tokens.issue)(friend)
    bearer = (b"authorization", f"Bearer {text}".encode())
    assert await _name(_cookie(owner_client), bearer) == "friend"


async def test_a_wrong_token_closes_even_where_guests_are_welcome(
    settings: Settings,
) -> None:
    settings.ALLOW_GUESTS = True
    assert await _closed((b"authorization", b"Bearer nonsense")) == UNAUTHORISED


async def test_without_a_cookie_a_program_becomes_a_guest(settings: Settings) -> None:
    settings.ALLOW_GUESTS = True
    name = await _name()
    user = await User.objects.aget(username=name)
    assert await sync_to_async(is_guest)(user)


async def test_one_address_does_not_become_any_number_of_guests(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.ALLOW_GUESTS = True
    monkeypatch.setattr("accounts.rate_limits.GUESTS", 1)
    assert await _name()
    assert await _closed() == TOO_MANY


async def test_nobody_gets_in_where_guests_are_not_allowed(settings: Settings) -> None:
    settings.ALLOW_GUESTS = False
    assert await _closed() == UNAUTHORISED
    assert await _closed((b"cookie", f"{NAME}=bogus".encode()), PAGE) == UNAUTHORISED


async def test_a_foreign_page_is_refused_before_anything_else(owner_client: Client) -> None:
    SCOPES.clear()
    cookie = _cookie(owner_client)
    assert await _closed(cookie, (b"origin", b"https://evil.example")) == FOREIGN
    assert SCOPES == []


async def test_a_cookie_without_an_origin_is_nobodys_page(
    settings: Settings, owner_client: Client, friend: User
) -> None:
    settings.ALLOW_GUESTS = True
    assert await _closed(_cookie(owner_client)) == FOREIGN
    assert await _name((b"cookie", b"other=1"))  # nobody's here: a guest, as without any
    text = await sync_to_async(tokens.issue)(friend)
    assert await _name(_cookie(owner_client), (b"authorization", f"Bearer {text}".encode()))


@pytest.mark.parametrize(
    ("origin", "word"),
    [("https://localhost:8000", "HTTPS=1"), ("https://pages.example", "TRUSTED_ORIGINS")],
)
async def test_a_refused_origin_leaves_a_line_and_is_told_why(
    origin: str, word: str, caplog: pytest.LogCaptureFixture
) -> None:
    socket = _socket((b"origin", origin.encode()))
    assert (await socket.connect())[0]
    assert word in (await socket.receive_output())["reason"]
    assert [word in record.message for record in caplog.records] == [True]


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        (None, True),
        ("http://localhost:8000", True),
        ("HTTP://LOCALHOST:8000", True),
        ("http://localhost:8001", False),
        ("http://localhost", False),
        ("https://localhost:8000", False),
        ("http://localhost:8000.evil.example", False),
        ("http://evil@localhost:8000", False),
        ("http://localhost:8000/", False),
        ("http://localhost:99999", False),
        ("null", False),
        ("", False),
        ("file://", False),
        ("https://pages.example", True),
    ],
)
def test_origins_are_compared_by_scheme_host_and_port(
    origin: str | None, allowed: bool, settings: Settings
) -> None:
    settings.CSRF_TRUSTED_ORIGINS = ["https://pages.example"]
    assert (origin_problem(origin, "localhost:8000") == "") is allowed


def test_a_foreign_host_header_is_refused() -> None:
    """DNS rebinding: the page's origin and the Host header agree, but the host is not ours."""
    assert origin_problem("http://rebound.example:8000", "rebound.example:8000")


async def test_sign_out_is_noticed(owner_client: Client) -> None:
    await _name(_cookie(owner_client), PAGE)
    scope = SCOPES[-1]
    assert await sync_to_async(still_allowed)(scope)
    await sync_to_async(owner_client.logout)()
    assert not await sync_to_async(still_allowed)(scope)


async def test_a_changed_password_and_a_closed_account_are_noticed(
    owner: User, owner_client: Client
) -> None:
    await _name(_cookie(owner_client), PAGE)
    scope = SCOPES[-1]
    owner.set_password("another-long-password")
    await owner.asave()
    assert not await sync_to_async(still_allowed)(scope)


async def test_a_revoked_token_is_noticed(owner: User) -> None:
    text = await sync_to_async(tokens.issue)(owner)
    await _name((b"authorization", f"Bearer {text}".encode()))
    scope = SCOPES[-1]
    assert await sync_to_async(still_allowed)(scope)
    await owner.api_tokens.all().adelete()
    assert not await sync_to_async(still_allowed)(scope)
