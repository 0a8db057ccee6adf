"""All passes of a line are told at one temperature: the one that the session has now."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
import pytest
from django.contrib.auth.models import User
from django.test import Client

from visualizer.models import Digest, Session
from visualizer.selectors import head_of, snapshot
from visualizer.selectors.history import StateRef, end_of
from visualizer.selectors.measures import history_of, measures
from visualizer.selectors.pass_numbers import has_others, renewed, told_now

pytestmark = pytest.mark.django_db
HOT: dict[str, Any] = {"softmax_temperature": 3.0}
NOISY = {"softmax_temperature": 2.0, "gumbel_temperature": 1.5, "apply_gumbel_noise": True}
RUN: dict[str, Any] = {
    "type": "run",
    "recipe": "llada/low_confidence",
    "parameters": {"steps": 4},
}


@pytest.fixture
def ran(play: Any, owner: User, begin: Any) -> Session:
    """A run of four steps at temperature 1, finished: its last state has no pass."""
    session: Session = begin(gen_length=4)
    play(owner, session, **RUN)
    return session


def line(session: Session) -> StateRef:
    return end_of(session, head_of(session).branch)


def passes(client: Client, session: Session) -> dict[str, Any]:
    told: dict[str, Any] = client.get(f"/sessions/{session.pk}/passes/").json()["passes"]
    return told


@pytest.mark.parametrize("settings", [HOT, NOISY])
def test_every_step_is_told_at_the_temperature_of_now(
    play: Any, owner: User, owner_client: Client, ran: Session, settings: dict[str, Any]
) -> None:
    assert passes(owner_client, ran) == {}
    play(owner, ran, channel="page", type="reprocess_probabilities", settings=settings)
    assert ran.settings["softmax_temperature"] == settings["softmax_temperature"]
    told = passes(owner_client, ran)
    assert list(told) == ["0", "1", "2", "3"]
    for number, row in told.items():
        profile = owner_client.get(f"/sessions/{ran.pk}/step/{number}/profile/").json()
        assert row["entropy"] == pytest.approx(float(np.mean(profile["entropy"])), abs=1e-3)
        heat = base64.b64decode(row["heat"])
        shown = [heat[pos] / 255 for pos in profile["positions"]]
        assert shown == pytest.approx(profile["p1"], abs=1 / 255)


def test_pages_that_are_drawn_by_the_server_say_the_same(
    play: Any, owner: User, owner_client: Client, ran: Session
) -> None:
    play(owner, ran, channel="page", type="reprocess_probabilities", settings=HOT)
    now = {int(n): row["entropy"] for n, row in passes(owner_client, ran).items()}
    page = owner_client.get(f"/sessions/{ran.pk}/").content.decode()
    for number in (1, 2, 3):
        assert f'<td class="num">{now[number]:.2f}</td>' in page
    told = told_now(ran, line(ran), snapshot(ran))
    assert {n: row["entropy"] for n, row in told["forwards"].items()} == {
        str(n): mean for n, mean in now.items()
    }
    assert told["heat"] == {n: row["heat"] for n, row in told["forwards"].items()}
    mean = measures(history_of(ran, head_of(ran)))["mean_entropy"]
    assert mean == pytest.approx(float(np.mean(list(now.values()))), abs=1e-3)


def test_the_copy_says_whether_there_are_such_passes(
    play: Any, owner: User, owner_client: Client, ran: Session
) -> None:
    address = f"/sessions/{ran.pk}/snapshot/"
    assert owner_client.get(address).json()["mixed"] is False
    play(owner, ran, channel="page", type="reprocess_probabilities", settings=HOT)
    assert owner_client.get(address).json()["mixed"] is True
    play(owner, ran, channel="page", type="reprocess_probabilities", settings={})
    assert owner_client.get(address).json()["mixed"] is False


def test_what_is_drawn_from_does_not_count(play: Any, owner: User, ran: Session) -> None:
    """Top-k and top-p say which candidates may be taken, not how probable they are."""
    settings = {"top_p": 0.5, "actual_top_k": 3, "gumbel_temperature": 2.0}
    play(owner, ran, channel="page", type="reprocess_probabilities", settings=settings)
    assert not has_others(ran, line(ran))


def test_long_lines_come_in_parts(play: Any, owner: User, ran: Session) -> None:
    play(owner, ran, channel="page", type="reprocess_probabilities", settings=HOT)
    whole = renewed(ran, line(ran))
    assert whole.after is None
    first = renewed(ran, line(ran), room=1)
    assert (list(first.passes), first.after) == ([0], 0)
    size = len(ran.prompt_ids) + 4
    second = renewed(ran, line(ran), after=0, room=2 * size)
    assert (list(second.passes), second.after) == ([1, 2], 2)
    last = renewed(ran, line(ran), after=2, room=1)
    assert (list(last.passes), last.after) == ([3], None)
    assert first.passes | second.passes | last.passes == whole.passes


def test_a_pass_that_is_not_kept_keeps_its_numbers(
    play: Any, owner: User, ran: Session, owner_client: Client
) -> None:
    play(owner, ran, channel="page", type="reprocess_probabilities", settings=HOT)
    Digest.objects.filter(branch__session=ran, number=2).update(data=b"")
    assert list(passes(owner_client, ran)) == ["0", "1", "3"]


def test_programs_are_told_that_the_head_has_no_pass(
    play: Any, owner: User, ran: Session, session: Session
) -> None:
    message = {"type": "reprocess_probabilities", "settings": HOT}
    assert play(owner, ran, **message)["error_type"] == "conflict"
    assert play(owner, session, channel="page", **message)["error_type"] == "conflict"


def test_a_stranger_sees_no_passes(stranger_client: Client, ran: Session) -> None:
    assert stranger_client.get(f"/sessions/{ran.pk}/passes/").status_code == 404
