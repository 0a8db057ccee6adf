"""Failures as HTTP answers: who asks decides the form, the error's type the status."""

from __future__ import annotations

from typing import Any

import kombu.exceptions
import pytest
import redis.exceptions
from django.contrib.auth.models import AnonymousUser, User
from django.db import OperationalError
from django.http import HttpRequest
from django.test import Client, RequestFactory

from accounts.tokens import issue
from core.http.errors import ErrorMiddleware, answer, back_to, server_error
from inference.errors import ERROR_TYPES, REFUSALS, UnmaskError, new_correlation_id

PERSON = {"headers": {"accept": "text/html,application/xhtml+xml,*/*;q=0.8"}}
PROGRAM = {"headers": {"accept": "application/json"}}
PARTIAL = {"headers": {"accept": "*/*", "hx-request": "true"}}
SHAPE = {"type", "message", "error_type", "retryable", "correlation_id"}


def asked(**how: Any) -> HttpRequest:
    request = RequestFactory().get("/", **how)
    request.user = AnonymousUser()
    return request


@pytest.mark.parametrize("type", ERROR_TYPES)
def test_programs_get_the_one_shape_with_the_type_s_status(type: str) -> None:
    response = answer(asked(**PROGRAM), UnmaskError(type, "What happened.", "seed"))
    assert response.status_code == ERROR_TYPES[type][1]
    assert response["Content-Type"] == "application/json"
    assert b'"field": "seed"' in response.content


@pytest.mark.django_db
@pytest.mark.parametrize("type", ERROR_TYPES)
def test_people_get_a_page_with_the_type_s_status(type: str) -> None:
    response = answer(asked(**PERSON), UnmaskError(type, "What <b>happened</b>."))
    assert response.status_code == ERROR_TYPES[type][1]
    assert response["Content-Type"].startswith("text/html")
    assert b"<b>happened" not in response.content


@pytest.mark.django_db
def test_parts_of_a_page_get_a_toast_beside_what_they_show() -> None:
    response = answer(asked(**PARTIAL), UnmaskError("conflict", "Not <i>now</i>."))
    assert (response.status_code, response["HX-Reswap"]) == (409, "none")
    text = response.content.decode()
    assert 'hx-swap-oob="beforeend"' in text
    assert "Not &lt;i&gt;now&lt;/i&gt;." in text
    assert "<html" not in text


@pytest.mark.django_db
@pytest.mark.parametrize("how", [PERSON, PARTIAL], ids=["page", "toast"])
@pytest.mark.parametrize("type", ERROR_TYPES)
def test_ordinary_refusals_have_no_reference(type: str, how: dict[str, Any]) -> None:
    known = new_correlation_id()
    said = answer(asked(**how), UnmaskError(type, "What happened.")).content.decode()
    assert (known in said) == (type not in REFUSALS)


@pytest.mark.parametrize(
    ("how", "path", "json"),
    [
        ({}, "/", False),
        (PERSON, "/", False),
        (PROGRAM, "/", True),
        ({"headers": {"accept": "*/*"}}, "/", True),
        ({"headers": {"authorization": "Bearer x", **PERSON["headers"]}}, "/", True),
        (PERSON, "/api/diffusion/sessions", True),
    ],
)
@pytest.mark.django_db
def test_who_is_a_program(how: dict[str, Any], path: str, json: bool) -> None:
    request = RequestFactory().get(path, **how)
    request.user = AnonymousUser()
    response = answer(request, UnmaskError("validation", "No."))
    assert (response["Content-Type"] == "application/json") == json


def test_other_exceptions_go_their_way() -> None:
    assert ErrorMiddleware(lambda request: None).process_exception(asked(), ValueError()) is None


def test_an_address_that_there_is_not(owner_client: Client) -> None:
    told = owner_client.get("/nothing/", **PROGRAM)
    assert (told.status_code, told.json().keys()) == (404, SHAPE)
    assert told.json()["correlation_id"] == told["X-Correlation-ID"]
    shown = owner_client.get("/nothing/", **PERSON)
    assert (shown.status_code, b"<h1>Not found</h1>" in shown.content) == (404, True)


def test_going_back_is_for_people() -> None:
    request = asked(**PROGRAM)
    back_to(request, "/elsewhere/")
    assert answer(request, UnmaskError("conflict", "No.")).status_code == 409


@pytest.mark.parametrize(
    "outage",
    [
        OperationalError("server closed the connection: secret"),
        redis.exceptions.ConnectionError("Error 111 connecting to secret:6379"),
        redis.exceptions.TimeoutError("secret"),
        kombu.exceptions.OperationalError("secret"),
    ],
)
def test_a_part_that_does_not_answer_is_no_fault_of_a_model(
    outage: Exception, owner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was told as a failed generation, with status 500."""

    def fail(*_: Any) -> None:
        raise outage

    monkeypatch.setattr("visualizer.api.service.config", fail)
    client = Client(
        headers={"Authorization": f"Bearer {issue(owner)}"}, raise_request_exception=False
    )
    answer = client.get("/api/diffusion/config")
    told = answer.json()
    assert (answer.status_code, told["error_type"], told["retryable"]) == (502, "network", True)
    assert "secret" not in told["message"]
    try:
        fail()
    except type(outage):  # as Django calls its handler
        assert server_error(asked(**PROGRAM)).status_code == 502
