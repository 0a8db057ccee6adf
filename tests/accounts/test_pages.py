"""Guests, sign-up, sign-in, sign-out."""

from __future__ import annotations

import re

import pytest
from django.contrib.auth.models import User
from django.test import Client
from pytest_django import Settings

from accounts import ownership, rate_limits
from accounts.guests import create_guest, is_guest

pytestmark = pytest.mark.django_db
PASSWORD = "a-long-new-password"
NEW = {"username": "ada", "password1": PASSWORD, "password2": PASSWORD}


@pytest.fixture
def guest_client(db: None) -> Client:
    """A visitor who has been given a guest account."""
    client = Client()
    client.force_login(create_guest())
    return client


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """What a registered app was asked to hand over."""
    seen: list[tuple[str, str]] = []
    monkeypatch.setattr(ownership, "_TRANSFERS", {})
    ownership.on_transfer("test", lambda a, b: seen.append((a.username, b.username)))
    return seen


def _user_of(client: Client) -> User:
    return User.objects.get(pk=client.session["_auth_user_id"])


def test_a_visitor_of_a_page_becomes_a_guest_once(settings: Settings) -> None:
    settings.ALLOW_GUESTS = True
    client = Client()
    client.get("/")
    client.get("/")
    assert User.objects.count() == 1
    assert is_guest(_user_of(client))


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/static/x.css", "/accounts/sign-in"])
def test_machines_are_not_made_guests(path: str, settings: Settings) -> None:
    settings.ALLOW_GUESTS = True
    Client().get(path)
    assert not User.objects.exists()


def test_no_guests_where_they_are_not_allowed(settings: Settings) -> None:
    settings.ALLOW_GUESTS = False
    Client().get("/")
    assert not User.objects.exists()


def test_a_guest_who_signs_up_keeps_the_row(guest_client: Client) -> None:
    before = _user_of(guest_client)
    assert guest_client.post("/accounts/sign-up", NEW).status_code == 302
    after = _user_of(guest_client)
    assert after.pk == before.pk
    assert after.username == "ada"
    assert after.check_password(PASSWORD)
    assert not is_guest(after)


def test_somebody_signed_in_who_signs_up_makes_another_account(
    owner: User, owner_client: Client
) -> None:
    owner_client.post("/accounts/sign-up", NEW)
    owner.refresh_from_db()
    assert owner.username == "owner"
    assert User.objects.filter(username="ada").exists()


def test_a_taken_name_is_refused_and_the_guest_stays(owner: User, guest_client: Client) -> None:
    answer = guest_client.post("/accounts/sign-up", {**NEW, "username": "owner"})
    assert answer.status_code == 422
    assert is_guest(_user_of(guest_client))


def test_sign_up_can_be_closed(settings: Settings) -> None:
    settings.ALLOW_SIGNUP = False
    assert Client().post("/accounts/sign-up", NEW).status_code == 403
    assert not User.objects.exists()


def test_signing_in_hands_the_guests_things_to_the_account(
    owner: User, guest_client: Client, given: list[tuple[str, str]]
) -> None:
    guest = _user_of(guest_client)
    form = {"username": "owner", "password": "long-test-password"}
    assert guest_client.post("/accounts/sign-in", form).status_code == 302
    assert _user_of(guest_client) == owner
    assert given == [(guest.username, "owner")]
    guest.refresh_from_db()
    assert not guest.is_active


def test_a_wrong_password_hands_over_nothing(
    owner: User, guest_client: Client, given: list[tuple[str, str]]
) -> None:
    guest_client.post("/accounts/sign-in", {"username": "owner", "password": "wrong"})
    assert is_guest(_user_of(guest_client))
    assert given == []


def test_changing_accounts_hands_over_nothing(
    owner_client: Client, friend: User, given: list[tuple[str, str]]
) -> None:
    form = {"username": "friend", "password": "long-test-password"}
    owner_client.post("/accounts/sign-in", form)
    assert _user_of(owner_client) == friend
    assert given == []


def test_sign_out_needs_a_form(owner_client: Client) -> None:
    assert owner_client.get("/accounts/sign-out").status_code == 405
    owner_client.post("/accounts/sign-out")
    assert "_auth_user_id" not in owner_client.session


@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example", "javascript:x"])
def test_the_way_back_stays_on_this_site(target: str, db: None) -> None:
    answer = Client().post("/accounts/sign-up", {**NEW, "next": target})
    assert answer.headers["Location"] == "/"


def test_settings_need_an_account(settings: Settings) -> None:
    settings.ALLOW_GUESTS = False
    answer = Client().get("/accounts/")
    assert answer.status_code == 302
    assert "/accounts/sign-in" in answer.headers["Location"]


def test_the_password_can_be_changed(owner: User, owner_client: Client) -> None:
    form = {
        "old_password": "long-test-password",
        "new_password1": PASSWORD,
        "new_password2": PASSWORD,
    }
    assert owner_client.post("/accounts/password", form).status_code == 302
    owner.refresh_from_db()
    assert owner.check_password(PASSWORD)


def test_the_theme_is_kept_with_the_account(owner: User, owner_client: Client) -> None:
    answer = owner_client.post("/accounts/theme", {"theme": "dark", "next": "/accounts/"})
    assert answer.headers["Location"] == "/accounts/"
    owner_client.post("/accounts/theme", {"theme": "no such theme"})
    owner.profile.refresh_from_db()
    assert owner.profile.settings["theme"] == "dark"


def test_guessing_passwords_is_slowed(owner: User) -> None:
    wrong = {"username": "owner", "password": "wrong"}
    right = {"username": "owner", "password": "long-test-password"}
    answers = [Client().post("/accounts/sign-in", wrong) for _ in range(rate_limits.FAILURES)]
    assert {answer.status_code for answer in answers} == {422}
    blocked = Client().post("/accounts/sign-in", right)
    assert blocked.status_code == 429
    assert 0 < int(blocked.headers["Retry-After"]) <= rate_limits.FAILURE_SECONDS
    assert Client().post("/admin/login/", right).status_code == 429  # the same door
    elsewhere = Client().post("/accounts/sign-in", right, REMOTE_ADDR="192.0.2.7")
    assert elsewhere.status_code == 302


def test_success_forgets_what_failed_before(owner: User) -> None:
    wrong = {"username": "owner", "password": "wrong"}
    right = {"username": "owner", "password": "long-test-password"}
    for _ in range(2):
        for _ in range(rate_limits.FAILURES - 1):
            assert Client().post("/accounts/sign-in", wrong).status_code == 422
        assert Client().post("/accounts/sign-in", right).status_code == 302


@pytest.mark.parametrize("page", ["/accounts/sign-in", "/accounts/sign-up"])
def test_passwords_can_be_shown_and_errors_have_the_focus(client: Client, page: str) -> None:
    shown = client.get(page).content.decode()
    fields = re.findall(r'<input type="password"[^>]*id="([^"]+)"', shown)
    assert fields
    assert re.findall(r'data-reveal="([^"]+)"', shown) == fields
    refused = client.post(page, {"username": "nobody", "password": "wrong"}).content.decode()
    first = re.search(r"<[^>]*autofocus[^>]*>", refused)
    assert first
    assert 'id="errors"' in first.group()
