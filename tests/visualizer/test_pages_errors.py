"""Failures on the pages: raised by views, answered in one way."""

from __future__ import annotations

import ast
import re
import uuid
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from tests.core.http.test_errors import PARTIAL, PERSON, PROGRAM
from visualizer.models import Session

VIEWS = Path(__file__).resolve().parents[2] / "visualizer" / "views"


@pytest.mark.django_db
@pytest.mark.parametrize("how", [PERSON, PROGRAM, PARTIAL])
@pytest.mark.parametrize("rest", ["", "step/0/profile/", "export/json/", "compare/"])
def test_what_is_another_s_looks_like_what_never_was(
    how: dict[str, Any], rest: str, session: Session, stranger: User
) -> None:
    client = Client()
    client.force_login(stranger)
    ids = (session.pk, uuid.UUID(int=7))
    answers = [client.get(f"/sessions/{id}/{rest}", **how) for id in ids]
    assert [one.status_code for one in answers] == [404, 404]
    pairs = zip(answers, ids, strict=True)
    bodies = [_plain(one.content.decode().replace(str(id), "")) for one, id in pairs]
    assert bodies[0] == bodies[1]


def _plain(text: str) -> str:
    """Without what differs at each request: the correlation id and the token against forgery."""
    return re.sub(r"[0-9a-f]{32}|[A-Za-z0-9]{64}", "", text)


def test_a_coroutine_s_failure_is_answered_too(owner_client: Client, session: Session) -> None:
    told = owner_client.post(f"/sessions/{session.pk}/do/nonsense/", **PROGRAM)
    assert (told.status_code, told.json()["error_type"]) == (404, "not_found")


def test_a_form_goes_back_with_a_message_and_a_program_is_told(
    owner_client: Client, session: Session
) -> None:
    address = f"/sessions/{session.pk}/do/apply_selection/"
    back = owner_client.post(address, {"position": "5"}, **PERSON)
    branch = session.head_branch_id
    assert (back.status_code, back["Location"]) == (
        302,
        f"/sessions/{session.pk}/?branch={branch}&step=0&pos=5",
    )
    assert "Nothing is staged yet" in owner_client.get(back["Location"]).content.decode()
    told = owner_client.post(address, **PROGRAM)
    assert (told.status_code, told.json()["error_type"]) == (400, "validation")


@pytest.mark.parametrize("how", [PROGRAM, PERSON])
def test_a_failure_of_ours_tells_nothing_of_itself(
    how: dict[str, Any], owner: User, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: Any, **rest: Any) -> None:
        raise RuntimeError("secret prompt")

    monkeypatch.setattr("visualizer.views.workspace.inspector", fail)
    client = Client(raise_request_exception=False)
    client.force_login(owner)
    told = client.get(f"/sessions/{session.pk}/", **how)
    assert told.status_code == 500
    assert b"secret" not in told.content
    if how is PROGRAM:
        assert told.json()["error_type"] == "generation"


@pytest.mark.parametrize("path", sorted(VIEWS.glob("*.py")), ids=lambda path: path.name)
def test_no_view_makes_an_answer_of_an_error(path: Path) -> None:
    """They raise UnmaskError. A form that is shown again with its fields marked may catch it."""
    names = {
        node.id for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Name)
    }
    assert not names & {"Http404", "error_shape", "HttpResponseNotFound", "get_object_or_404"}
