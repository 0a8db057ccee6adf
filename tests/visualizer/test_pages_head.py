"""Whatever page answers GET answers HEAD the same way, through both doors."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from visualizer.models import Session
from visualizer.services.sharing import share

pytestmark = pytest.mark.django_db
NOWHERE = "00000000-0000-0000-0000-000000000000"


def _patterns(resolver: Any, before: str = "") -> Iterator[tuple[str, URLPattern]]:
    """All addresses of ours: route and pattern. Django's admin looks after its own."""
    for each in resolver.url_patterns:
        route = before + str(each.pattern)
        if isinstance(each, URLPattern):
            yield route, each
        elif isinstance(each, URLResolver) and not route.startswith("admin/"):
            yield from _patterns(each, route)


ROUTES = sorted(route for route, _ in _patterns(get_resolver()))


@pytest.fixture
def address(session: Session) -> Any:
    """address(route) → a path with the session, its first step and a link to it filled in."""
    _, token = share(session=session)
    words = {
        "<uuid:session_id>": str(session.pk), "<str:token>": token, "<uuid:job_id>": NOWHERE,
        "<str:form>": "json", "<str:name>": "run", "<int:step>": "0", "<int:pos>": "0",
        "<int:link>": "0", "<int:pk>": "0", "<run>": NOWHERE, "<path:id>": "addition",
        "<uuidstr:id>": NOWHERE, "<path:slug>": "addition", "<slug:slug>": "order-matters",
        "<id>": "0", "<uuid:id>": NOWHERE,
        "<uuid:generation_id>": NOWHERE, "<uuid:tree_id>": NOWHERE, "<int:row>": "0",
        "<int:case>": "0", "<uuid:comparison_id>": NOWHERE, "<int:command_id>": "0",
        "<uuid:training_id>": NOWHERE, "<int:text_id>": "0",
        "<uuid:conversation_id>": NOWHERE, "<int:message_id>": "0", "<uuid:run_id>": NOWHERE,
    }  # fmt: skip

    def fill(route: str) -> str:
        for part, word in words.items():
            route = route.replace(part, word)
        assert "<" not in route
        return f"/{route}"

    return fill


@pytest.mark.parametrize("route", ROUTES)
def test_head_is_get_without_a_body(
    route: str, address: Any, owner_client: Client, owner: User
) -> None:
    path = address(route)
    asked = owner_client.get(path)
    answer = owner_client.head(path)
    assert answer.status_code == asked.status_code
    assert answer.headers.get("Content-Type") == asked.headers.get("Content-Type")


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_probes_answer_head(path: str) -> None:
    assert Client().head(path).status_code == Client().get(path).status_code
