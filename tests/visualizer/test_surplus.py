"""Places that fill a block model's last block: shown as such, cut at the end, kept in records."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from django.contrib.auth.models import User

from inference.models import ModelEntry, Vocabulary
from tests.visualizer.records.test_importer import exported
from tests.visualizer.working import work_off
from visualizer.models import Session
from visualizer.records.importer import import_record
from visualizer.selectors import state_at
from visualizer.selectors.history import StateRef

pytestmark = pytest.mark.django_db
BLOCK = 7


@pytest.fixture
def session(play: Any, owner: User, begin: Any, sent: list[Any], random_model: Any) -> Session:
    """A session after a run of a block recipe whose blocks the canvas does not fill."""
    made: Session = begin()
    name = f"{random_model.tokenizer_hash}:10000"
    Vocabulary.objects.update(hash=hashlib.sha256(name.encode()).hexdigest(), size=10_000)
    ModelEntry.objects.filter(slug="tiny").update(mask_id=made.mask_id)
    parameters = {"block_length": BLOCK}
    reply = play(owner, made, type="run", recipe="llada2/threshold", parameters=parameters)
    assert reply["type"] == "run_changed"
    work_off(made, sent)
    return made


def _at(session: Session, number: int) -> Any:
    branch = session.branches.get()
    return state_at(session, StateRef(branch.pk, number))


def test_the_state_tells_which_places_will_be_cut(session: Session, play: Any, owner: User) -> None:
    length = len(session.prompt_ids) + session.gen_length
    assert length % BLOCK
    first = _at(session, 1)
    assert len(first) % BLOCK == 0
    assert [slot.surplus for slot in first.slots] == [i >= length for i in range(len(first))]
    end = state_at(session)
    assert (len(end), end.is_complete) == (length, True)
    shown = play(owner, session, type="rewind", step=1)["state"]["positions"]
    assert [row["is_surplus"] for row in shown] == [slot.surplus for slot in first.slots]


def test_a_record_keeps_them(session: Session, friend: User) -> None:
    copy = import_record(owner=friend, raw=exported(session))
    assert _at(copy, 1).slots == _at(session, 1).slots
    assert state_at(copy).tokens == state_at(session).tokens
