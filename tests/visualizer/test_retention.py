"""Distributions of old sessions are given up, their steps never; whatever tells of them says so."""

from __future__ import annotations

from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.conf import settings as site
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from core.links import revoke
from inference.labels import vocabulary_hash
from inference.models import StreamEvent, Vocabulary
from tests.visualizer.records.test_importer import exported
from visualizer.management.commands.replay import Command as Replay
from visualizer.models import Digest, Session, Step
from visualizer.records.importer import import_record
from visualizer.selectors import digest_at, snapshot
from visualizer.services.retention import thin_old
from visualizer.services.sharing import share
from visualizer.worker import retention

pytestmark = pytest.mark.django_db
DAYS = 30


def aged(session: Session, days: int = DAYS + 1) -> None:
    """As if nobody had touched it for so long."""
    then = timezone.now() - timedelta(days=days)
    Digest.objects.filter(branch__session=session).update(created=then)
    Session.objects.filter(pk=session.pk).update(updated=then)


def kept(session: Session) -> list[int]:
    """The states whose distribution is there."""
    rows = Digest.objects.filter(branch__session=session).exclude(data=b"")
    return sorted(rows.values_list("number", flat=True))


@pytest.fixture
def old(play: Any, owner: User, session: Session) -> Session:
    """Three passes and two steps, a month and a day ago."""
    for position in (4, 5):
        play(owner, session, type="forward_pass")
        play(owner, session, type="apply_selection", selections={str(position): 9})
    play(owner, session, type="forward_pass")
    aged(session)
    return session


def test_the_head_keeps_its_distribution_and_all_steps_stay(old: Session) -> None:
    steps = list(Step.objects.filter(branch__session=old).values())
    summaries = dict(Digest.objects.values_list("number", "summary"))
    assert thin_old(DAYS) == 1
    assert kept(old) == [2]
    assert list(Step.objects.filter(branch__session=old).values()) == steps
    for number, summary in Digest.objects.values_list("number", "summary"):
        assert summary == summaries[number] | ({} if number == 2 else {"thinned": True})
    assert thin_old(DAYS) == 0


def test_whoever_watches_is_told(old: Session) -> None:
    before = snapshot(old)
    thin_old(DAYS)
    told = StreamEvent.objects.filter(stream=old.stream, number__gt=before["number"])
    payloads = {str(one.payload["number"]): one.payload for one in told}
    assert set(payloads) == {"0", "1"}
    assert snapshot(old)["forwards"] == before["forwards"] | payloads


@pytest.mark.parametrize("days", [0, DAYS + 2])
def test_younger_sessions_and_sites_that_keep_everything_lose_nothing(
    old: Session, days: int
) -> None:
    assert thin_old(days) == 0
    assert kept(old) == [0, 1, 2]


def test_a_marked_branch_keeps_its_session(old: Session) -> None:
    old.branches.update(marked=True)
    assert thin_old(DAYS) == 0
    old.branches.update(marked=False)
    assert thin_old(DAYS) == 1


def test_a_link_that_opens_the_session_keeps_it(old: Session) -> None:
    link, _ = share(session=old)
    aged(old)
    assert thin_old(DAYS) == 0
    revoke(link)
    assert thin_old(DAYS) == 1


def test_another_pass_brings_a_distribution_back_to_stay(
    old: Session, play: Any, owner: User
) -> None:
    thin_old(DAYS)
    play(owner, old, type="rewind", step=1)
    play(owner, old, type="forward_pass")
    assert kept(old) == [1, 2]
    assert "thinned" not in snapshot(old)["forwards"]["1"]
    play(owner, old, type="rewind", step=0)
    Session.objects.filter(pk=old.pk).update(updated=timezone.now() - timedelta(days=DAYS + 1))
    Session.objects.filter(pk=old.pk).update(thinned=None)
    thin_old(DAYS)
    assert kept(old) == [1]  # the pass is of today; that over step 2 is old, and no head's


def test_the_timer_follows_the_setting(old: Session, settings: Any) -> None:
    assert site.DIGEST_DAYS == 0
    retention.thin()
    assert len(kept(old)) == 3
    settings.DIGEST_DAYS = DAYS
    retention.thin()
    assert kept(old) == [2]


def test_the_page_says_so(old: Session, client: Client, owner: User) -> None:
    client.force_login(owner)
    address = old.get_absolute_url()
    asked = {"HX-Request": "true"}
    open_one = f"{address}step/1/pos/9/"
    assert "no longer kept" not in client.get(open_one, headers=asked).content.decode()
    thin_old(DAYS)
    lost = "Its distribution is no longer kept; run a forward pass to see it again."
    for place in (open_one, f"{address}step/2/pos/4/", f"{address}step/1/pos/4/"):
        assert lost in client.get(place, headers=asked).content.decode()
    page = client.get(f"{address}?step=1").content.decode()
    assert f"1 of 12 filled. {lost}" in page
    assert lost not in client.get(f"{address}?step=2").content.decode()
    assert client.get(f"{address}step/1/digest/").status_code == 204
    assert client.get(f"{address}step/1/profile/").json()["p1"] == []


def test_what_needs_a_distribution_asks_for_a_pass(old: Session, play: Any, owner: User) -> None:
    thin_old(DAYS)
    play(owner, old, type="rewind", step=1)
    assert digest_at(old) is None
    for message in (
        {"type": "auto_select", "tokens_to_select": 1},
        {"type": "reprocess_probabilities", "settings": {}},
    ):
        assert "Run forward pass first" in play(owner, old, **message)["message"]


def test_records_and_replay_say_so(old: Session, owner: User) -> None:
    thin_old(DAYS)
    record = exported(old)
    told = {row["number"]: row.get("thinned") for row in record["branches"][0]["forwards"]}
    assert told == {0: True, 1: True, 2: None}
    size, made = old.model.vocabulary.size, record["model"]["tokenizer_hash"]
    Vocabulary.objects.update(hash=vocabulary_hash(made, size))
    again = exported(import_record(owner=owner, raw=record))
    assert again["branches"][0]["forwards"] == record["branches"][0]["forwards"]
    out = StringIO()
    Replay(stdout=out)._tell_thinned(record)
    assert "Of 2 of 3 forward passes the distribution was no longer kept." in out.getvalue()
