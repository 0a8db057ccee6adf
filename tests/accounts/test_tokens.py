"""Tokens: only a hash is kept, a wrong one is refused, the command prints one that works."""

from __future__ import annotations

from io import StringIO

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.core.management.base import CommandError
from django.test import Client

from accounts import tokens
from accounts.models import ApiToken

pytestmark = pytest.mark.django_db


def _get(token: str) -> int:
    return Client().get("/accounts/", headers={"authorization": f"Bearer {token}"}).status_code


def test_only_a_hash_of_the_text_is_kept(owner: User) -> None:
    text = tokens.issue(owner)
    row = ApiToken.objects.get(user=owner)
    assert text not in {row.hash, row.prefix}
    assert row.prefix in text
    assert tokens.find(text) == row


def test_a_token_signs_its_owner_in_over_http(owner: User) -> None:
    assert _get(tokens.issue(owner)) == 200


@pytest.mark.parametrize("text", ["", "unmask_wrong", "ünmask", "x" * 5000])
def test_a_wrong_token_is_refused_in_the_error_shape(text: str, owner: User) -> None:
    answer = Client().get("/accounts/", headers={"authorization": f"Bearer {text}"})
    assert answer.status_code == 401
    body = answer.json()
    assert body["type"] == "error"
    assert body["error_type"] == "auth"
    assert body["correlation_id"] == answer.headers["X-Correlation-ID"]


def test_a_token_of_a_closed_account_is_refused(owner: User) -> None:
    text = tokens.issue(owner)
    User.objects.filter(pk=owner.pk).update(is_active=False)
    assert _get(text) == 401


def test_a_token_needs_no_csrf_token_but_a_cookie_does(owner: User) -> None:
    strict = Client(enforce_csrf_checks=True)
    header = {"authorization": f"Bearer {tokens.issue(owner)}"}
    assert strict.post("/accounts/tokens", {"name": "x"}, headers=header).status_code == 200
    strict.force_login(owner)
    assert strict.post("/accounts/tokens", {"name": "x"}).status_code == 403


def test_the_command_makes_the_user_and_prints_a_working_token(db: None) -> None:
    out = StringIO()
    call_command("api_token", "ada", stdout=out)
    text = out.getvalue().strip()
    found = tokens.find(text)
    assert found is not None
    assert found.user.username == "ada"
    assert not found.user.has_usable_password()


def test_the_command_refuses_a_bad_name(db: None) -> None:
    with pytest.raises(CommandError):
        call_command("api_token", "no spaces allowed")
    assert not User.objects.exists()


def test_a_stranger_cannot_revoke_the_owners_token(
    owner: User, owner_client: Client, stranger_client: Client
) -> None:
    tokens.issue(owner)
    row = ApiToken.objects.get(user=owner)
    assert stranger_client.post(f"/accounts/tokens/{row.pk}/revoke").status_code == 404
    assert ApiToken.objects.filter(pk=row.pk).exists()
    assert owner_client.post(f"/accounts/tokens/{row.pk}/revoke").status_code == 302
    assert not ApiToken.objects.filter(pk=row.pk).exists()


def test_the_settings_page_shows_a_new_token_once_and_nobody_elses(
    owner: User, stranger: User, owner_client: Client
) -> None:
    tokens.issue(stranger, "secret project")
    made = owner_client.post("/accounts/tokens", {"name": "laptop"}).content.decode()
    assert tokens.PREFIX in made
    again = owner_client.get("/accounts/").content.decode()
    assert "laptop" in again
    assert tokens.PREFIX not in again
    assert "secret project" not in again
