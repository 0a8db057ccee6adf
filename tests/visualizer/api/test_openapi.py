"""The OpenAPI document, and schemathesis asking what it describes."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
import schemathesis
from django.contrib.auth.models import User
from django.core.wsgi import get_wsgi_application
from django.test import Client
from hypothesis import HealthCheck, settings

from accounts.tokens import issue
from config.api import api
from core.http.stream_limits import STREAMS
from tests.openapi import document as openapi_document

PATHS = {
    "models", "models/current", "models/{id}/load", "models/{id}/unload", "generate",
    "generate/stream", "infill", "infill/stream", "runs/{run}/stream", "cancel/{run}",
    "batch/generate", "batch/infill", "config", "cache/stats", "metrics", "admin/health",
    "library", "downloads", "downloads/{id}", "downloads/{id}/cancel", "directories",
    "directories/{slug}",
    "decide", "calibrations", "calibrations/{id}", "calibrations/{id}/cancel",
}  # fmt: skip


def test_every_route_is_documented(owner_client: Client) -> None:
    document = owner_client.get("/api/openapi.json").json()
    assert {f"/api/diffusion/{path}" for path in PATHS} <= set(document["paths"])
    for path in PATHS:
        for operation in document["paths"][f"/api/diffusion/{path}"].values():
            assert {"200", "400", "401", "422", "429"} <= set(operation["responses"])
            assert operation["description"]


def test_the_document_can_be_read_on_a_page(owner_client: Client) -> None:
    page = owner_client.get("/api/docs")
    assert page.status_code == 200
    assert b"cdn" not in page.content


schema = schemathesis.openapi.from_dict(deepcopy(openapi_document(api)))
schema.app = get_wsgi_application()
CHECKS = [
    schemathesis.checks.not_a_server_error,
    schemathesis.checks.status_code_conformance,
    schemathesis.checks.content_type_conformance,
    schemathesis.checks.response_schema_conformance,
]


@schema.include(path_regex="/api/diffusion").exclude(path_regex="stream").parametrize()
@settings(max_examples=4, deadline=None, suppress_health_check=list(HealthCheck))
@pytest.mark.usefixtures("worker")
def test_answers_are_as_declared(case: Any, owner: User) -> None:
    """A model that is not there is a 503 by declaration, so that one is no fault."""
    answer = case.call(headers={"Authorization": f"Bearer {issue(owner)}"})
    unavailable = answer.status_code == 503
    case.validate_response(answer, checks=CHECKS[1:] if unavailable else CHECKS)


def test_streams_are_counted_and_the_wait_is_told(ask: Any, worker: Any, settings: Any) -> None:
    settings.STREAM_RATE = "2/m"
    body = {"prompt": "Once", "max_new_tokens": 2}
    for _ in range(2):
        assert ask.post("generate/stream", **body).status_code == 200
    refused = ask.post("generate/stream", **body)
    assert (refused.status_code, refused.json()["error_type"]) == (429, "rate_limit")
    user = User.objects.get()
    wait = STREAMS.retry_after(f"user {user.pk}")
    assert abs(int(refused.headers["Retry-After"]) - wait) <= 1
    assert ask.post("generate", **body).status_code == 200
