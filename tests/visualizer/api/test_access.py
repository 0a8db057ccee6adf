"""Who may ask: accounts by token or cookie, each for what is theirs."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client, override_settings

from visualizer.models import Generation

pytestmark = pytest.mark.usefixtures("worker")
BODY = {"data": json.dumps({"prompt": "Once", "max_new_tokens": 2})}
PATH = "/api/diffusion/generate"
JSON = {"content_type": "application/json"}
READS = ("models", "models/current", "config", "cache/stats", "metrics")


@override_settings(ALLOW_GUESTS=False)
@pytest.mark.parametrize("path", READS)
def test_nobody_is_refused(path: str) -> None:
    answer = Client().get(f"/api/diffusion/{path}")
    assert (answer.status_code, answer.json()["error_type"]) == (401, "auth")


def test_a_bad_token_is_refused() -> None:
    answer = Client(headers={"Authorization": "Bearer nonsense"}).post(PATH, **BODY, **JSON)
    assert answer.status_code == 401


def test_a_cookie_needs_a_csrf_token(owner: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(owner)
    assert client.post(PATH, **BODY, **JSON).status_code == 401
    assert not Generation.objects.exists()
    client.get("/accounts/sign-in/")
    name = settings.CSRF_COOKIE_NAME
    token = client.cookies[name].value if name in client.cookies else "a" * 32
    client.cookies[name] = token
    answer = client.post(PATH, **BODY, **JSON, headers={"X-CSRFToken": token})
    assert answer.status_code == 200
    assert Generation.objects.get().owner == owner


@override_settings(ALLOW_GUESTS=True)
def test_a_program_without_anything_is_a_guest() -> None:
    assert Client(enforce_csrf_checks=True).post(PATH, **BODY, **JSON).status_code == 200
    assert Generation.objects.get().owner.username.startswith("guest-")


@override_settings(ALLOW_GUESTS=True)
def test_another_site_s_page_cannot_use_this_one() -> None:
    foreign = Client(enforce_csrf_checks=True, headers={"Origin": "https://elsewhere.example"})
    assert foreign.post(PATH, **BODY, **JSON).status_code == 401


def test_a_run_is_its_owner_s(ask: Any, ask_as: Any, friend: User, stranger: User) -> None:
    run = ask.post("generate", prompt="Once", max_new_tokens=2).json()["run"]
    assert ask.post(f"cancel/{run}").json()["error_type"] == "conflict"  # it has ended
    assert ask.get(f"runs/{run}/stream").status_code == 200
    for user in (friend, stranger):
        theirs = ask_as(user)
        for answer in (theirs.post(f"cancel/{run}"), theirs.get(f"runs/{run}/stream")):
            assert (answer.status_code, answer.json()["error_type"]) == (404, "not_found")
    never = "00000000-0000-4000-8000-000000000000"
    assert (
        ask_as(stranger).post(f"cancel/{never}").json()["message"]
        == (ask_as(stranger).post(f"cancel/{run}").json()["message"])
    )


@override_settings(DIFFUSION_LLM_ENABLED=False)
@pytest.mark.parametrize("path", READS)
def test_the_service_can_be_switched_off(ask: Any, path: str) -> None:
    answer = ask.get(path)
    assert (answer.status_code, answer.json()["error_type"]) == (503, "model_unavailable")
