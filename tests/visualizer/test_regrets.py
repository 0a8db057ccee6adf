"""Tokens that the model would not write any more."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User

from tests.visualizer.fakes import MASK, FakeRuntime
from tests.visualizer.working import work_off
from visualizer.models import Digest, Session
from visualizer.probability import ProbabilitySettings
from visualizer.selectors import digest_at, head_of, state_at
from visualizer.selectors.candidates import view_of
from visualizer.selectors.regrets import probability, regrets

pytestmark = pytest.mark.django_db


def sure_of(runtime: FakeRuntime, position: int, token: int, logit: float = 20.0) -> None:
    """From now on the model is sure of a token there."""
    runtime.table[position, :] = 0.0
    runtime.table[position, token] = logit


def asked(session: Session, **fields: Any) -> dict[str, Any]:
    return regrets(session, *head_of(session), **fields)


def test_a_token_that_lost_its_probability_is_found(
    play: Any, owner: User, session: Session, runtime: FakeRuntime
) -> None:
    sure_of(runtime, 4, 9)
    sure_of(runtime, 5, 8)
    play(owner, session, type="forward_pass")
    play(owner, session, type="apply_selection", selections={"4": 9, "5": 8})
    assert asked(session) == {"judged": 0, "regret": {}}
    sure_of(runtime, 4, 11)
    play(owner, session, type="forward_pass")
    told = asked(session)
    assert told["judged"] == 2
    assert set(told["regret"]) == {4}
    row = told["regret"][4]
    assert (row["position"], row["token_id"], row["step"], row["as_of"]) == (4, 9, 1, 1)
    assert row["p_now"] < 0.001 < 0.99 < row["p"]
    assert set(asked(session, threshold=0.0)["regret"]) == set()


def test_the_latest_pass_counts_and_remasked_tokens_do_not(
    play: Any, owner: User, session: Session, runtime: FakeRuntime
) -> None:
    play(owner, session, type="apply_selection", selections={"4": 9})
    sure_of(runtime, 4, 11)
    play(owner, session, type="forward_pass")
    assert set(asked(session)["regret"]) == {4}
    play(owner, session, type="apply_selection", selections={"5": 9})
    assert asked(session)["regret"][4]["as_of"] == 1
    sure_of(runtime, 4, 9)
    play(owner, session, type="forward_pass")
    assert 4 not in asked(session)["regret"]
    play(owner, session, type="rewind", step=1)
    assert set(asked(session)["regret"]) == {4}
    play(owner, session, type="remask", positions=[4])
    assert asked(session)["judged"] == 0


def test_a_run_is_judged_by_the_next_pass_by_hand(
    play: Any, owner: User, begin: Any, sent: list[Any]
) -> None:
    session = begin()
    play(owner, session, type="run", recipe="rank/low_confidence", tokens_per_step=4)
    work_off(session, sent)
    before = asked(session)
    play(owner, session, type="forward_pass")
    after = asked(session)
    assert before["judged"] == 0
    assert after["judged"] == 8
    for slot, row in after["regret"].items():
        assert row["p_now"] < min(0.5, row["p"])
        assert slot == row["position"]


def test_a_token_that_is_not_listed_has_at_most_the_least(
    play: Any, owner: User, session: Session
) -> None:
    play(owner, session, type="forward_pass")
    digest = digest_at(session)
    assert digest is not None
    view = view_of(digest)
    least = probability(view, 4, MASK)
    listed = [probability(view, 4, int(token)) for token in view.ids[0]]
    assert least == pytest.approx(min(probability(view, 4, int(t)) for t in view.ids[4]), abs=1e-6)
    assert all(0 <= p <= 1 for p in listed)


def test_programs_ask_for_regrets(
    play: Any, owner: User, session: Session, runtime: FakeRuntime
) -> None:
    play(owner, session, type="apply_selection", selections={"4": 9})
    sure_of(runtime, 4, 11)
    play(owner, session, type="forward_pass")
    reply = play(owner, session, type="regrets")
    assert (reply["type"], reply["number"], reply["judged"]) == ("regret_result", 1, 1)
    assert reply["regret"]["4"]["token_id"] == 9
    assert play(owner, session, type="regrets", threshold=0.0)["regret"] == {}
    assert play(owner, session, type="regrets", step=0)["judged"] == 0
    assert play(owner, session, type="regrets", step=9)["field"] == "step"


def test_a_run_that_keeps_the_written_tokens_judges_them_itself(
    play: Any, owner: User, begin: Any, sent: list[Any]
) -> None:
    told, written = {}, {}
    for keep in (False, True):
        session = begin()
        fields: dict[str, Any] = {"keep_settled": True} if keep else {}
        play(owner, session, type="run", recipe="rank/low_confidence", tokens_per_step=2, **fields)
        work_off(session, sent)
        session.refresh_from_db()
        told[keep], written[keep] = asked(session, threshold=1.0), state_at(session).tokens
    assert written[True] == written[False]  # the recipe is given what it asked for
    assert told[False]["judged"] == 0
    assert told[True]["judged"] == 6  # all but what the last step wrote
    play(owner, session, type="rewind", step=2)
    last = digest_at(session)
    assert last is not None
    view = view_of(last)
    assert sorted(view.positions.tolist()) == list(range(4, 12))
    rows = {p: view.candidates(p, ProbabilitySettings(), 3) for p in view.positions.tolist()}
    play(owner, session, type="forward_pass")
    by_hand = digest_at(session)
    assert by_hand is not None
    for position, listed in rows.items():
        again = view_of(by_hand).candidates(position, ProbabilitySettings(), 3)
        assert [c.token_id for c in listed] == [c.token_id for c in again]
        assert [c.prob for c in listed] == pytest.approx([c.prob for c in again], abs=1e-5)


def test_an_entropy_is_still_that_of_the_open_positions(
    play: Any, owner: User, begin: Any, sent: list[Any]
) -> None:
    session = begin()
    play(owner, session, type="run", tokens_per_step=2, keep_settled=True)
    work_off(session, sent)
    told = list(Digest.objects.order_by("number").values_list("summary", flat=True))
    assert [row["open"] for row in told] == [8, 6, 4, 2]
    assert all(row["entropy"] > 0 for row in told)
