"""Refusals that come from no route: below `/v1` as OpenAI's clients read them."""

from __future__ import annotations

import pytest
from django.test import Client, override_settings

pytestmark = pytest.mark.django_db


@override_settings(HTTP_RATE="1/m")
def test_a_limit_is_told_in_openai_s_shape_with_the_wait() -> None:
    client = Client(headers={"Authorization": ""})
    answers = [client.get("/v1/models") for _ in range(20)]
    last = answers[-1]
    assert last.status_code == 429
    assert last.json()["error"]["code"] == "rate_limit"
    assert int(last.headers["Retry-After"]) > 0
    assert last.json()["error"]["correlation_id"] == last.headers["X-Correlation-ID"]


def test_a_bad_token_has_openai_s_type() -> None:
    answer = Client(headers={"Authorization": "Bearer wrong"}).get("/v1/models")
    assert answer.status_code == 401
    assert answer.json()["error"]["type"] == "authentication_error"


@pytest.mark.parametrize("path", ["/api/diffusion/generate", "/api/chat", "/v1/completions"])
def test_a_wrong_method_names_the_right_ones(path: str, owner_client: Client) -> None:
    answer = owner_client.put(path, b"{}", content_type="application/json")
    told = answer.json()
    assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")
    assert (told.get("error_type") or told["error"]["code"]) == "validation"


def test_the_address_of_a_form_is_a_page_with_a_way_on(owner_client: Client) -> None:
    for path in ("/chat/new/", "/training/new/", "/accounts/theme", "/sessions/import/"):
        answer = owner_client.get(path, headers={"Accept": "text/html"})
        assert (answer.status_code, answer.headers["Allow"]) == (405, "POST"), path
        assert "Only from a form" in answer.content.decode()


def test_programs_are_told_of_methods_wherever_they_ask(owner_client: Client) -> None:
    for headers in ({"Accept": "application/json"}, {"HX-Request": "true"}):
        answer = owner_client.put("/chat/new/", b"", headers=headers)
        assert (answer.status_code, answer.json()["error_type"]) == (405, "validation")
