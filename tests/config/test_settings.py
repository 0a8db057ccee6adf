"""Settings: their table in the README, their contradictions, what follows from them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from config.checks import CONTRADICTIONS, contradictions
from config.databases import database_from
from config.env import BASE_DIR, Env
from config.secret import secret_key
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
    ],
)
def test_contradictions_are_named(values: dict[str, Any], id: str) -> None:
    assert id in _ids(**values)


def test_every_contradiction_has_a_case_and_the_two_shapes_have_none() -> None:
    assert len({row.id for row in CONTRADICTIONS}) == len(CONTRADICTIONS) == 9
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


def test_a_database_url_may_hold_escaped_characters() -> None:
    url = "postgres://us%40er:p%2Fw@db.example:5433/name?sslmode=require"
    found = database_from(url, Path("unused"))
    assert (found["USER"], found["PASSWORD"], found["PORT"]) == ("us@er", "p/w", "5433")
    assert found["OPTIONS"] == {"sslmode": "require"}


def test_the_generated_key_is_kept_and_private(tmp_path: Path) -> None:
    first = secret_key("", tmp_path)
    assert len(first) >= 50
    assert secret_key("", tmp_path) == first
    assert (tmp_path / "secret_key").stat().st_mode & 0o077 == 0
    assert secret_key("given", tmp_path) == "given"
