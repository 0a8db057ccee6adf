"""The admin shows the record, changes nothing, and keeps prompts to the session's own page."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from visualizer.models import Command, Session, Step

pytestmark = pytest.mark.django_db
LISTS = ("session", "branch", "step", "note", "digest", "run", "command")


@pytest.fixture
def staff() -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("staff", password="x"))
    return client


@pytest.mark.parametrize("name", LISTS)
def test_lists_open_and_search(
    staff: Client, play: Any, owner: User, session: Any, name: str
) -> None:
    play(owner, session, type="forward_pass")
    play(owner, session, type="apply_selection", selections={"4": 5})
    answer = staff.get(f"/admin/visualizer/{name}/", {"q": "owner"})
    assert answer.status_code == 200
    assert staff.get(f"/admin/visualizer/{name}/add/").status_code == 403


def test_prompts_are_on_the_session_s_own_page_only(
    staff: Client, play: Any, owner: User, start: Any
) -> None:
    session = start(prompt="a secret prompt", title="plain")
    play(owner, session, type="apply_selection", selections={"15": 5})
    lists = [staff.get(f"/admin/visualizer/{name}/").content for name in LISTS]
    assert not any(b"a secret prompt" in page for page in lists)
    command = Command.objects.get(type="initialize")
    page = staff.get(f"/admin/visualizer/command/{command.pk}/change/").content
    assert b"a secret prompt" not in page
    page = staff.get(f"/admin/visualizer/session/{session.pk}/change/?reveal=1").content
    assert b"a secret prompt" in page


def test_json_is_shown_as_text(staff: Client, session: Session) -> None:
    step = Step.objects.create(
        branch=session.head_branch, number=1, operations=[{"op": "<script>x</script>"}]
    )
    page = staff.get(f"/admin/visualizer/step/{step.pk}/change/").content
    assert b"&lt;script&gt;" in page
    assert b"<script>x" not in page


def test_others_do_not_come_in(owner_client: Client) -> None:
    assert owner_client.get("/admin/visualizer/session/").status_code == 302
