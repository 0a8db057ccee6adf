"""Places that runs add (DreamOn): an id means one place of a session, on whatever branch."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from django.contrib.auth.models import User
from pytest_django import Settings

from core.jobs.leases import LeaseLost
from inference import registry, runtime
from inference.engine.checkpoint import LoadedModel
from inference.models import ModelEntry
from inference.runtime import models
from tests.inference.engine.models import CONFIGS, write_model
from tests.slices import short_slices
from tests.tiny import tiny_model
from tests.visualizer.working import work_off
from visualizer.models import Branch, Run, Session, Step
from visualizer.records.checks import checked
from visualizer.records.exporter import record
from visualizer.selectors import StateRef, state_at
from visualizer.selectors.comparison import Side, compare_branches
from visualizer.selectors.history import tip
from visualizer.worker import slices
from visualizer.worker.replay import replay

pytestmark = pytest.mark.django_db
SLUG, EXPAND = "dreamon", CONFIGS["dreamon"]["expand_token_id"]
WANTED = {"recipe": "dreamon", "parameters": {"max_new_tokens": 7, "expand_budget": 3}}


@pytest.fixture(name="runtime")
def _real_runtime() -> None:
    """Nothing is faked here."""


@pytest.fixture(autouse=True)
def model(tmp_path: Path, settings: Settings) -> Iterator[LoadedModel]:
    """A model that would rather expand than write."""
    settings.MODELS_DIR, settings.DEVICE = tmp_path, "cpu"
    letters = tiny_model(tmp_path / "letters")
    write_model(tmp_path / SLUG, "dreamon")
    shutil.copy(letters / "tokenizer.json", tmp_path / SLUG)
    registry.sync_models()
    runtime.cache().clear()
    plain = runtime.load(ModelEntry.objects.get(slug=SLUG))
    held = models._held[SLUG]
    made = replace(plain, family=replace(plain.family, head=_expanding(plain)))
    models._held[SLUG] = replace(held, model=made)
    yield made
    runtime.unload(SLUG)
    runtime.cache().clear()


def _expanding(model: LoadedModel) -> Callable[..., torch.Tensor]:
    plain = model.family.head

    def head(native: torch.nn.Module, hidden: torch.Tensor) -> torch.Tensor:
        found = plain(native, hidden).clone()
        found[..., EXPAND] += 50.0
        found[..., 40:60] += 25.0  # else it might delete places
        return found

    return head


@pytest.fixture
def begin(play: Any, owner: User) -> Callable[[], Session]:
    def make() -> Session:
        reply = play(owner, type="initialize", model=SLUG, prompt="abc", gen_length=4)
        return Session.objects.get(pk=reply["session_id"])

    return make


def added(session: Session) -> list[int]:
    """The ids of all places that were ever added."""
    steps = Step.objects.filter(branch__session=session).order_by("id")
    return [new for step in steps for op in step.operations for new in op.get("new", [])]


def end(session: Session, branch: Branch) -> StateRef:
    return StateRef(branch.pk, tip(branch))


def replays(session: Session, model: LoadedModel) -> list[bool]:
    made = checked(json.loads("".join(record(session))))
    return [not step.differing for step in replay(made, model)]


def test_runs_queued_together_add_places_of_their_own(
    play: Any, owner: User, begin: Any, sent: list[Any], model: LoadedModel
) -> None:
    session, alone = begin(), begin()
    play(owner, session, type="compare_runs", recipes=[WANTED, {**WANTED, "name": "again"}])
    work_off(session, sent)
    play(owner, alone, type="run", **WANTED)
    work_off(alone, sent)
    ids = added(session)
    assert len(ids) == len(set(ids)) == 6
    first, second = (end(session, run.branch) for run in Run.objects.filter(session=session))
    tokens = state_at(alone).tokens
    assert state_at(session, first).tokens == state_at(session, second).tokens == tokens
    told = compare_branches(Side(session, first), Side(session, second))
    assert told["counts"] == {"same": 4, "different": 0, "masked": 0, "missing": 6}
    assert all(replays(session, model))


def test_a_merge_fills_no_place_that_the_other_branch_does_not_have(
    play: Any, owner: User, begin: Any, sent: list[Any]
) -> None:
    session = begin()
    main = session.head_branch
    play(owner, session, type="run", **WANTED)
    work_off(session, sent)
    play(owner, session, type="rewind", step=0)
    play(owner, session, type="apply_selection", selections={"3": 9, "4": 9, "5": 9})
    play(owner, session, type="run", max_steps=2, **WANTED)
    work_off(session, sent)
    own = set(state_at(session).position_of) - set(
        state_at(session, end(session, main)).position_of
    )
    assert len(own) == 2
    reply = play(owner, session, type="merge", branch=main.pk)
    assert reply["type"] == "state_update"
    canvas = state_at(session)
    assert {canvas.slot(id).token for id in own} == {canvas.mask_id}


def test_a_run_in_slices_gives_way_to_places_added_by_hand(
    play: Any,
    owner: User,
    begin: Any,
    sent: list[Any],
    monkeypatch: pytest.MonkeyPatch,
    model: LoadedModel,
) -> None:
    """The head is elsewhere, on a branch of its own, while the run goes on."""
    whole, session = begin(), begin()
    play(owner, whole, type="run", **WANTED)
    work_off(whole, sent)
    short_slices(monkeypatch)
    play(owner, session, type="run", **WANTED)
    main = session.head_branch
    play(owner, session, type="branch", step=0)
    play(owner, session, type="insert", position=4, count=2)
    work_off(session, [(Session.TASK, str(session.pk))] * 20)
    ids = added(session)
    assert len(ids) == len(set(ids)) == 5
    assert state_at(session, end(session, main)).tokens == state_at(whole).tokens
    assert all(replays(session, model))


def test_a_rescued_run_adds_the_same_places(
    play: Any, owner: User, begin: Any, sent: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, broken = begin(), begin()
    play(owner, whole, type="run", **WANTED)
    work_off(whole, sent)
    stored, count = slices._store, iter(range(100))

    class Dead(LeaseLost):
        """From here on this worker writes nothing any more."""

    def dying(*arguments: Any) -> None:
        if next(count) == 2:
            raise Dead
        stored(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(slices, "_store", dying)
        play(owner, broken, type="run", **WANTED)
    assert len(added(broken)) == 2
    work_off(broken, [(Session.TASK, str(broken.pk))])
    assert added(broken) == added(whole)
    assert state_at(broken).tokens == state_at(whole).tokens
