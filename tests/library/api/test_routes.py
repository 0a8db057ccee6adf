"""Routes about models: what they tell, who may change anything, and what they refuse."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import override_settings

from inference.models import ModelEntry, ModelFolder
from library.models import Download
from tests.library.conftest import NAME
from tests.library.hub_server import Hub
from tests.tiny import tiny_model

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("sent", "listed")]
SITE = override_settings(EMBEDDED=False, REDIS_URL="redis://127.0.0.1:1/0")
CANARY = "canary-7f3a"


def test_the_library_tells_what_is_here_and_what_could_be(ask: Any) -> None:
    told = ask.get("library").json()
    here = {row["id"]: row for row in told["models"]}
    assert here["stories"]["place"] == "shipped"
    known = {row["id"]: row for row in told["known"]}
    llada = known["GSAI-ML/LLaDA-8B-Instruct"]
    assert (llada["licence"], llada["family"]) == ("MIT", "llada")
    assert llada["bytes"] == 2 * llada["parameters"] > 15 * 10**9
    assert llada["source"]
    assert "Dream-org/DreamOn-v0-7B" in known
    assert told["may_manage"] is True
    assert told["free_bytes"] > 0


def test_what_is_left_out_is_told_with_the_reason(ask: Any, settings: Any, tmp_path: Path) -> None:
    settings.MODELS_DIR = tmp_path
    (tmp_path / "bare").mkdir()
    (tmp_path / "bare" / "model.safetensors").write_bytes(b"x")
    [left] = ask.get("library").json()["left_out"]
    assert (left["place"], left["name"]) == ("MODELS_DIR", "bare")
    assert "config.json" in left["reason"]


def test_a_download_is_begun_shown_and_cancelled(ask: Any, hub: Hub) -> None:
    made = ask.post("downloads", repository=NAME).json()
    assert (made["status"], made["revision"]) == ("queued", "main")
    assert ask.get(f"downloads/{made['id']}").json() == made
    assert ask.get("downloads").json()["downloads"] == [made]
    again = ask.post("downloads", repository=NAME)
    assert (again.status_code, again.json()["field"]) == (409, "repository")
    assert ask.post(f"downloads/{made['id']}/cancel").json()["status"] == "cancelled"
    assert ask.post(f"downloads/{made['id']}/cancel").status_code == 409


@pytest.fixture
def root(settings: Any, tmp_path: Path) -> Path:
    """A root with a model three folders down, and one outside of it."""
    tiny_model(tmp_path / "root" / "a" / "b" / "deep")
    tiny_model(tmp_path / "outside")
    settings.MODEL_ROOTS = [tmp_path / "root"]
    return tmp_path / "root"


def test_a_directory_is_added_listed_and_removed(ask: Any, root: Path) -> None:
    [found] = ask.get("directories").json()["directories"]
    assert found == {"root": str(root), "folder": "a/b/deep", "slug": ""}
    made = ask.post("directories", **{**found, "slug": "lab/deep"}).json()
    assert made["slug"] == "lab/deep"
    entry = ModelEntry.objects.get(slug="lab/deep")
    assert entry.state == ModelEntry.State.AVAILABLE
    shown = {row["id"]: row for row in ask.get("library").json()["models"]}
    assert shown["lab/deep"]["place"] == "an added directory"
    left = ask.client.delete("/api/diffusion/directories/lab/deep").json()
    assert left["directories"] == [found]
    entry.refresh_from_db()
    assert entry.state == ModelEntry.State.ABSENT


WRONG_DIRECTORIES: dict[str, tuple[dict[str, Any], int, str]] = {
    "another root": ({"root": "/etc"}, 400, "root"),
    "out of the root": ({"folder": "../outside"}, 400, "folder"),
    "an absolute folder": ({"folder": "/etc"}, 400, "folder"),
    "a folder that is none": ({"folder": "a/b"}, 400, "folder"),
    "NUL": ({"folder": "a\0"}, 400, ""),
    "a taken name": ({"slug": "stories"}, 409, "slug"),
    "an odd name": ({"slug": "../x"}, 400, "slug"),
    "a number": ({"slug": 5}, 422, "slug"),
    "null": ({"root": None}, 422, "root"),
    "a long name": ({"slug": CANARY * 100}, 422, "slug"),
    "more": ({"surprise": 1}, 422, "surprise"),
}


@pytest.mark.parametrize("case", WRONG_DIRECTORIES)
def test_directories_that_do_not_fit_are_refused(ask: Any, root: Path, case: str) -> None:
    change, status, field = WRONG_DIRECTORIES[case]
    good = {"root": str(root), "folder": "a/b/deep", "slug": "lab/deep"}
    answer = ask.post("directories", **{**good, **change})
    told = answer.json()
    assert (answer.status_code, told.get("field", "")) == (status, field), told
    assert {"type", "message", "error_type", "retryable", "correlation_id"} <= told.keys()
    assert CANARY not in answer.content.decode()
    assert not ModelFolder.objects.exists()


WRONG_DOWNLOADS: dict[str, tuple[dict[str, Any], int, str]] = {
    "no name": ({}, 422, "repository"),
    "an address": ({"repository": "https://evil.example/x"}, 400, "repository"),
    "a path": ({"repository": "../../etc"}, 400, "repository"),
    "dots": ({"repository": "a/..b"}, 400, "repository"),
    "three parts": ({"repository": "a/b/c"}, 400, "repository"),
    "dashes of the cache": ({"repository": "a--b/c"}, 400, "repository"),
    "a number": ({"repository": 1}, 422, "repository"),
    "null": ({"repository": None}, 422, "repository"),
    "long": ({"repository": CANARY * 100}, 422, "repository"),
    "an odd revision": ({"repository": NAME, "revision": "../x"}, 400, "revision"),
    "a long revision": ({"repository": NAME, "revision": CANARY * 20}, 422, "revision"),
    "a list": ({"repository": [NAME]}, 422, "repository"),
    "more": ({"repository": NAME, "place": "/etc"}, 422, "place"),
}


@pytest.mark.parametrize("case", WRONG_DOWNLOADS)
def test_downloads_that_do_not_fit_are_refused(ask: Any, hub: Hub, case: str) -> None:
    body, status, field = WRONG_DOWNLOADS[case]
    answer = ask.post("downloads", **body)
    told = answer.json()
    assert (answer.status_code, told.get("field")) == (status, field), told
    assert told["error_type"] == "validation"
    assert CANARY not in answer.content.decode()
    assert not Download.objects.exists()
    assert hub.asked == []


BODIES = {
    "truncated": b'{"repository": "canary-7f3a',
    "an array": b'["canary-7f3a"]',
    "NaN": b'{"repository": NaN}',
    "half a pair": b'{"repository": "canary-7f3a\\ud800"}',
    "no UTF-8": b'{"repository": "canary-7f3a\xff"}',
    "too deep": b'{"a":' * 100 + b"1" + b"}" * 100,
}


@pytest.mark.parametrize("route", ["downloads", "directories"])
@pytest.mark.parametrize("case", BODIES)
def test_bodies_that_cannot_be_read_are_refused(ask: Any, route: str, case: str) -> None:
    answer = ask.send(route, BODIES[case])
    assert (answer.status_code, answer.json()["error_type"]) == (400, "validation")
    assert CANARY not in answer.content.decode()
    assert ask.send(route, b"a=1", "application/x-www-form-urlencoded").status_code == 400


@pytest.mark.parametrize("id", ["nobody", "00000000-0000-0000-0000-000000000000", "%00"])
def test_a_download_that_never_was_is_not_found(ask: Any, id: str) -> None:
    assert ask.get(f"downloads/{id}").status_code == 404
    assert ask.post(f"downloads/{id}/cancel").status_code == 404


CHANGES: dict[str, Callable[[Any, Download], Any]] = {
    "download": lambda ask, row: ask.post("downloads", repository=NAME),
    "cancel": lambda ask, row: ask.post(f"downloads/{row.pk}/cancel"),
    "directories": lambda ask, row: ask.get("directories"),
    "add": lambda ask, row: ask.post("directories", root="/", folder="a", slug="b"),
    "remove": lambda ask, row: ask.client.delete("/api/diffusion/directories/lab/deep"),
}


@SITE
@pytest.mark.parametrize("case", CHANGES)
def test_on_a_site_only_staff_changes_what_everybody_uses(
    ask: Any, ask_as: Any, owner: User, stranger: User, hub: Hub, case: str
) -> None:
    User.objects.filter(pk=owner.pk).update(is_staff=True)
    made = ask.post("downloads", repository="lab/other").json()
    row = Download.objects.get(pk=made["id"])
    refused = CHANGES[case](ask_as(stranger), row)
    assert (refused.status_code, refused.json()["error_type"]) == (401, "auth")
    row.refresh_from_db()
    assert (row.status, Download.objects.count()) == ("queued", 1)
    assert CHANGES[case](ask, row).status_code != 401


@SITE
def test_on_a_site_everybody_sees(
    ask: Any, ask_as: Any, owner: User, stranger: User, hub: Hub
) -> None:
    User.objects.filter(pk=owner.pk).update(is_staff=True)
    made = ask.post("downloads", repository=NAME).json()
    other = ask_as(stranger)
    assert other.get("downloads").json()["downloads"] == [made]
    assert other.get(f"downloads/{made['id']}").json() == made
    assert other.get("library").json()["may_manage"] is False


@override_settings(ALLOW_GUESTS=False)
@pytest.mark.parametrize("path", ["library", "downloads", "directories"])
def test_nobody_without_an_account(client: Any, path: str) -> None:
    assert client.get(f"/api/diffusion/{path}").status_code == 401
