"""Settings: their table in the README, their contradictions, what follows from them."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.conf import settings
from django.test import Client
from pydantic import ValidationError

from accounts.models import ApiToken
from config.checks import CONTRADICTIONS, contradictions
from config.databases import database_from
from config.env import BASE_DIR, Env
from config.management.commands.serve import url_of
from config.secret import cookie_name, secret_key
from config.settings_table import table, written_into

SITE: dict[str, Any] = {
    "REDIS_URL": "redis://127.0.0.1/0",
    "DATABASE_URL": "postgres://u@127.0.0.1/x",
    "SECRET_KEY": "x" * 40,
}


def _env(**values: Any) -> Env:
    return Env(**values)


def _ids(**values: Any) -> list[str]:
    return [str(message.id) for message in contradictions(_env(**values))]


def test_the_readme_has_the_table_of_this_code() -> None:
    text = (BASE_DIR / "README.md").read_text(encoding="utf-8")
    assert written_into(text) == text, "run: python manage.py settings_table --write README.md"


def test_every_setting_is_described() -> None:
    assert all(f"| `{name}` |" in table() for name in Env.model_fields)
    assert all(field.description for field in Env.model_fields.values())


@pytest.mark.parametrize(
    ("values", "id"),
    [
        ({**SITE, "DATABASE_URL": ""}, "unmask.E001"),
        ({"WEB_CONCURRENCY": 2}, "unmask.E002"),
        ({"DEBUG": True, "ALLOWED_HOSTS": "unmask.example"}, "unmask.E003"),
        ({**SITE, "SECRET_KEY": ""}, "unmask.E004"),
        ({"DATABASE_URL": "mysql://u@127.0.0.1/x"}, "unmask.E005"),
        ({**SITE, "REDIS_URL": "amqp://127.0.0.1"}, "unmask.E006"),
        ({"ALLOWED_HOSTS": "unmask.example"}, "unmask.W001"),
        ({"ALLOWED_HOSTS": "unmask.example", "HTTPS": True}, "unmask.W002"),
        ({"SECRET_KEY": "short"}, "unmask.W003"),
        ({"MODELS_DIR": "/dev/null/models"}, "unmask.W004"),
        ({"MODEL_ROOTS": "/dev/null/models"}, "unmask.W005"),
        ({"TRAINING_DIR": "/dev/null/training"}, "unmask.W006"),
        ({"HF_HUB_CACHE": "/dev/null/hub"}, "unmask.W006"),
    ],
)
def test_contradictions_are_named(values: dict[str, Any], id: str) -> None:
    assert id in _ids(**values)


def test_every_contradiction_has_a_case_and_the_two_shapes_have_none() -> None:
    assert len({row.id for row in CONTRADICTIONS}) == len(CONTRADICTIONS) == 12
    assert _ids() == []
    assert _ids(**SITE) == []


def test_guests_are_for_the_embedded_shape_unless_said_otherwise() -> None:
    assert _env().guests
    assert not _env(**SITE).guests
    assert _env(**SITE, ALLOW_GUESTS=True).guests
    assert not _env(ALLOW_GUESTS=False).guests


@pytest.mark.parametrize("values", [{"PORT": 0}, {"PORT": "x"}, {"LOG_LEVEL": "LOUD"}])
def test_impossible_values_are_refused(values: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        _env(**values)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("postgres://us%40er:p%2Fw@h/x", {"USER": "us@er", "PASSWORD": "p/w"}),
        ("postgres://u@h:5433/my%20db", {"NAME": "my db", "PORT": "5433"}),
        ("postgres://%2Fvar%2Frun%2FMySocket/db", {"HOST": "/var/run/MySocket", "NAME": "db"}),
        ("postgres:///db?host=/var/run/x", {"HOST": "/var/run/x", "OPTIONS": {}}),
        ("postgresql://[::1]:5433/db", {"HOST": "::1", "PORT": "5433"}),
        ("postgres://a:5433,b:5434/db", {"HOST": "a,b", "PORT": "5433,5434"}),
        (
            "postgres://h/db?sslmode=require&options=-c%20lock_timeout%3D5s",
            {"OPTIONS": {"sslmode": "require", "options": "-c lock_timeout=5s"}},
        ),
    ],
)
def test_every_part_of_a_database_url_may_be_escaped(url: str, expected: dict[str, Any]) -> None:
    found = database_from(url, Path("unused"))
    assert {name: found[name] for name in expected} == expected


@pytest.mark.parametrize("url", ["mysql://u:secret@h/x", "postgres://u:secret@h/x?no=1"])
def test_an_impossible_database_url_is_said_without_its_password(url: str) -> None:
    with pytest.raises(ValueError, match="postgres://") as raised:
        database_from(url, Path("unused"))
    assert "secret" not in str(raised.value)


def test_cookies_of_two_sites_on_one_host_have_names_of_their_own() -> None:
    names = {cookie_name(name, key) for name in ("sessionid", "csrftoken") for key in ("a", "b")}
    assert len(names) == 4
    assert cookie_name("sessionid", "a") == cookie_name("sessionid", "a")  # all processes of a site
    assert cookie_name("sessionid", settings.SECRET_KEY) == settings.SESSION_COOKIE_NAME
    assert cookie_name("csrftoken", settings.SECRET_KEY) == settings.CSRF_COOKIE_NAME


@pytest.mark.django_db
def test_no_cookie_has_a_name_that_other_sites_use(owner_client: Client) -> None:
    page = owner_client.get("/accounts/")
    token = ApiToken.objects.create(user_id=owner_client.session["_auth_user_id"], hash="x")
    owner_client.post(f"/accounts/tokens/{token.pk}/revoke")  # leaves a message
    assert page.status_code == 200
    assert set(owner_client.cookies) == {settings.SESSION_COOKIE_NAME, settings.CSRF_COOKIE_NAME}
    assert b"works no longer" in owner_client.get("/accounts/").content


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://localhost:8000"),
        ("0.0.0.0", "http://localhost:8000"),
        ("::", "http://localhost:8000"),
        ("::1", "http://[::1]:8000"),
        ("[::1]", "http://[::1]:8000"),
        ("unmask.example", "http://unmask.example:8000"),
    ],
)
def test_an_address_is_one_that_browsers_take(host: str, url: str) -> None:
    assert url_of(host, 8000) == url
    assert urlsplit(url).port == 8000


def test_the_generated_key_is_kept_and_private(tmp_path: Path) -> None:
    first = secret_key("", tmp_path)
    assert len(first) >= 50
    assert secret_key("", tmp_path) == first
    assert (tmp_path / "secret_key").stat().st_mode & 0o077 == 0
    assert secret_key("given", tmp_path) == "given"
