"""A finished or older state is a beginning: runs again, another token at an older step."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from core.commands import ask
from inference.models import ModelEntry
from tests.visualizer.fakes import MASK
from tests.visualizer.working import work_off
from visualizer.models import Branch, Run, Session, Step
from visualizer.records.exporter import record
from visualizer.records.importer import import_record
from visualizer.selectors import StateRef, head_of, state_at
from visualizer.selectors.run_names import run_name
from visualizer.worker import tasks

pytestmark = pytest.mark.django_db
RUN: dict[str, Any] = {"type": "run", "recipe": "rank/random"}


@pytest.fixture
def done(play: Any, owner: User, begin: Any, sent: list[Any]) -> Session:
    """A session whose run has filled the canvas; one token was written by hand before."""
    session: Session = begin()
    ModelEntry.objects.update(vocabulary=None)  # that of the real model is not known
    play(owner, session, type="apply_selection", selections={"6": 9})
    play(owner, session, **RUN)
    work_off(session, sent)
    assert state_at(session).is_complete
    return session


def finished(session: Session) -> list[Run]:
    return list(Run.objects.filter(session=session).order_by("id"))


def test_a_run_is_made_again_from_where_it_began(
    play: Any, owner: User, done: Session, sent: list[Any]
) -> None:
    main, before = head_of(done).branch, state_at(done).tokens
    reply = play(owner, done, type="run_again", seed=11, times=2)
    assert reply["type"] == "runs_queued", reply
    names = [branch["name"] for branch in reply["branches"]]
    assert names == ["Random order, seed 11", "Random order, seed 12"]
    work_off(done, sent)
    assert [run.status for run in finished(done)] == ["done"] * 3
    assert [run.first_step for run in finished(done)] == [2, 2, 2]
    assert head_of(done).branch == reply["branches"][0]["id"]
    ends = [state_at(done, StateRef(b["id"], 8)).tokens for b in reply["branches"]]
    assert ends[0] != ends[1]
    assert before == state_at(done, StateRef(main, 8)).tokens
    assert all(MASK not in tokens and tokens[6] == 9 for tokens in ends)


def test_the_same_seed_makes_the_same_tokens(
    play: Any, owner: User, done: Session, sent: list[Any]
) -> None:
    before = state_at(done).tokens
    play(owner, done, type="run_again")
    work_off(done, sent)
    assert state_at(done).tokens == before
    assert finished(done)[1].parameters == finished(done)[0].parameters


def test_another_recipe_may_go_from_there(
    play: Any, owner: User, done: Session, sent: list[Any]
) -> None:
    reply = play(
        owner, done, type="run_again", recipe="rank/left_to_right", tokens_per_step=3, seed=1
    )
    assert reply["branches"][0]["name"] == "Left to right, tokens per step 3, seed 1"
    work_off(done, sent)
    assert head_of(done).number == 1 + 3


def test_there_must_be_a_run(play: Any, owner: User, session: Session) -> None:
    reply = play(owner, session, type="run_again")
    assert (reply["error_type"], reply["retryable"]) == ("validation", False)


def test_a_branch_without_a_run_goes_by_its_parent_s(
    play: Any, owner: User, done: Session, sent: list[Any]
) -> None:
    play(owner, done, type="branch", step=4)
    reply = play(owner, done, type="run_again", seed=5)
    assert reply["step"] == 1


def test_a_token_chosen_at_an_older_step_begins_a_branch(
    play: Any, owner: User, done: Session
) -> None:
    step = Step.objects.get(branch__session=done, number=3)
    position = state_at(done).position_of[step.operations[0]["slot"]]
    reply = play(owner, done, type="choose", step=2, position=position, token=7)
    assert reply["type"] == "state_update", reply
    assert (head_of(done).number, Branch.objects.count()) == (3, 2)
    assert state_at(done).slots[position].token == 7
    assert state_at(done).slots[position].by == "hand"
    assert not Run.objects.filter(status__in=Run.ACTIVE).exists()


def test_and_goes_on_if_asked(play: Any, owner: User, done: Session, sent: list[Any]) -> None:
    position = state_at(done).position_of[
        Step.objects.get(branch__session=done, number=3).operations[0]["slot"]
    ]
    play(owner, done, type="choose", step=2, position=position, token=7, go_on=True)
    work_off(done, sent)
    end = state_at(done)
    assert end.is_complete
    assert end.slots[position].token == 7


def test_what_is_written_there_is_refused(play: Any, owner: User, done: Session) -> None:
    reply = play(owner, done, type="choose", step=2, position=6, token=7)
    assert reply["error_type"] == "validation"
    assert Branch.objects.count() == 1
    assert head_of(done).number == 8


def test_buttons_of_the_page_begin_again(
    owner_client: Client, owner: User, done: Session, sent: list[Any], worker: Any
) -> None:
    base, main = f"/sessions/{done.pk}", head_of(done).branch
    page = owner_client.get(f"{base}/").content.decode()
    assert f'formaction="{act(done, "run_again")}"' in page
    asked = {"recipe": "rank/random", "tokens_to_select": "1", "seed": "21", "times": "2"}
    owner_client.post(act(done, "run_again"), {"branch": main, "step": 8, **asked})
    worker(done)
    assert [run.seed for run in finished(done)] == [None, 21, 22]
    pos = state_at(done, StateRef(main, 8)).position_of[
        Step.objects.get(branch=main, number=3).operations[0]["slot"]
    ]
    panel = owner_client.get(
        f"{base}/step/8/pos/{pos}/?branch={main}", headers={"HX-Request": "true"}
    ).content.decode()
    fields = dict(re.findall(r'name="(source_\w+)" value="(\d+)"', panel))
    assert fields == {"source_step": "2", "source_branch": str(main), "source_position": str(pos)}
    token = re.findall(r'value="(\d+)" data-label="[^"]*"\s+>', panel)[1]
    answer = owner_client.post(act(done, "choose"), {**fields, "token": token, "go_on": "on"})
    assert answer.status_code == 302
    worker(done)
    done.refresh_from_db()
    assert state_at(done).slots[pos].token == int(token)
    assert state_at(done).is_complete


def act(session: Session, name: str) -> str:
    return reverse("act", args=[session.pk, name])


@pytest.fixture
def worker(sent: list[Any], monkeypatch: pytest.MonkeyPatch) -> Callable[[Session], None]:
    """Commands of pages are worked off while they wait; worker(session) works off the runs."""
    real = ask.submit

    def at_once(*given: Any, **named: Any) -> Any:
        command = real(*given, **named)
        if command.session_id:
            tasks.advance_session(str(command.session_id))
        command.refresh_from_db()
        return command

    monkeypatch.setattr(ask, "submit", at_once)
    return lambda session: work_off(session, sent)


def test_typed_text_is_staged_from_a_position_on(play: Any, owner: User, session: Session) -> None:
    reply = play(owner, session, type="stage_text", position=5, text="cat")
    assert {pos: pick["label"] for pos, pick in reply["selections"].items()} == {
        "5": "c",
        "6": "a",
        "7": "t",
    }
    assert {pick["by"] for pick in reply["selections"].values()} == {"hand"}


@pytest.mark.parametrize(("position", "text"), [(14, "cat"), (0, "a"), (5, "x" * 30), (99, "a")])
def test_a_text_that_does_not_fit_is_refused(
    play: Any, owner: User, session: Session, position: int, text: str
) -> None:
    reply = play(owner, session, type="stage_text", position=position, text=text)
    assert (reply["error_type"], reply["field"]) == ("validation", "text")
    session.refresh_from_db()
    assert not session.staged.get("selections")


def test_a_run_s_branch_is_named_by_recipe_parameters_and_seed(
    play: Any, owner: User, begin: Any, sent: list[Any]
) -> None:
    session = begin(seed=3)
    for _ in range(3):
        play(owner, session, type="rewind", step=0)
        play(
            owner,
            session,
            type="run",
            recipe="fastdllm/threshold",
            parameters={"threshold": 0.9},
        )
        work_off(session, sent)
    names = list(Branch.objects.values_list("name", flat=True))
    assert names == ["main", *(f"Fast-dLLM, threshold 0.9, seed 3{n}" for n in ("", " (2)"))]


def test_names_leave_out_what_is_usual() -> None:
    usual = {"threshold": 0.95, "block_length": 32}
    assert run_name("llada2/threshold", usual, 0) == "LLaDA2, blocks with threshold, seed 0"
    assert run_name("entropy_bound", {"gamma": 0.2}) == "Entropy bound, gamma 0.2"
    assert run_name("gone", {"eos_last": True}) == "gone, eos last"
    assert len(run_name("gone", {"x" * 99: 1}, 1)) == 100


def test_a_run_s_own_seed_is_in_the_record(
    play: Any, owner: User, done: Session, sent: list[Any]
) -> None:
    play(owner, done, type="run_again", seed=11)
    work_off(done, sent)
    ModelEntry.objects.filter(pk=done.model_id).update(vocabulary=None, mask_id=done.mask_id)
    told = json.loads("".join(record(done)))
    seeds = {step["run"].get("seed") for branch in told["branches"] for step in branch["steps"]
             if step["run"]}  # fmt: skip
    assert seeds == {None, 11}
    again = import_record(owner=owner, raw=told)
    assert {run.seed for run in Run.objects.filter(session=again)} == {None, 11}
