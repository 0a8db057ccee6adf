"""Steering the tree: branches, locks, masks again, comparison, merging."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from django.contrib.auth.models import User

from tests.visualizer.fakes import MASK, FakeRuntime
from visualizer.models import Branch, Session, Step
from visualizer.selectors import head_of, snapshot, state_at

pytestmark = pytest.mark.django_db


def apply(play: Any, owner: User, session: Session, **tokens: int) -> dict[str, Any]:
    picks = {name.removeprefix("p"): token for name, token in tokens.items()}
    reply: dict[str, Any] = play(owner, session, type="apply_selection", selections=picks)
    assert reply["type"] == "state_update", reply
    return reply


def test_remask_opens_a_position_again(play: Any, owner: User, session: Session) -> None:
    apply(play, owner, session, p4=5, p5=6)
    reply = play(owner, session, type="remask", positions=[4])
    assert reply["state"]["step"] == 2
    assert reply["state"]["token_ids"][4] == MASK
    assert reply["state"]["selected_positions"] == {"5": 6}


def test_locked_positions_stay_as_they_are(play: Any, owner: User, session: Session) -> None:
    apply(play, owner, session, p4=5)
    play(owner, session, type="lock", positions=[4, 5])
    assert play(owner, session, type="remask", positions=[4])["error_type"] == "validation"
    refused = play(owner, session, type="apply_selection", selections={"5": 6})
    assert refused["field"] == "selections.5"
    play(owner, session, type="forward_pass")
    chosen = play(owner, session, type="auto_select", tokens_to_select=9)["selected_tokens"]
    assert sorted(chosen) == ["6", "7"]
    play(owner, session, type="unlock", positions=[4, 5])
    assert play(owner, session, type="remask", positions=[4])["type"] == "state_update"


@pytest.mark.parametrize("type", ["remask", "lock", "unlock"])
@pytest.mark.parametrize("positions", [[16], [9999], [5, 5]])
def test_positions_that_do_not_fit(
    play: Any, owner: User, session: Session, type: str, positions: list[int]
) -> None:
    assert play(owner, session, type=type, positions=positions)["field"] == "positions"
    assert not Step.objects.exists()


def test_the_prompt_cannot_be_masked(play: Any, owner: User, session: Session) -> None:
    assert play(owner, session, type="remask", positions=[0])["error_type"] == "validation"


def test_a_fixed_canvas_takes_no_insertions(play: Any, owner: User, session: Session) -> None:
    for message in ({"type": "insert", "position": 5}, {"type": "delete", "positions": [5]}):
        assert play(owner, session, **message)["error_type"] == "validation"


def test_insert_and_delete_where_the_family_can(
    play: Any, owner: User, session: Session, runtime: FakeRuntime
) -> None:
    runtime.model.spec = replace(runtime.model.spec, length="edits")
    apply(play, owner, session, p5=6)
    reply = play(owner, session, type="insert", position=5, count=2)
    assert len(reply["state"]["token_ids"]) == 18
    assert [p["slot"] for p in reply["state"]["positions"][4:9]] == [4, 5, 16, 17, 6]
    reply = play(owner, session, type="delete", positions=[5, 6])
    assert [p["slot"] for p in reply["state"]["positions"][4:7]] == [4, 17, 6]
    again = play(owner, session, type="insert", position=4)
    assert again["state"]["positions"][5]["slot"] == 18  # ids are never used twice
    assert play(owner, session, type="insert", position=-1)["field"] == "position"
    assert play(owner, session, type="insert", position=5, count=1000)["field"] == "count"
    assert len(snapshot(session)["slots"]) == 17


def test_a_branch_begins_where_it_is_asked_to(play: Any, owner: User, session: Session) -> None:
    apply(play, owner, session, p4=5)
    apply(play, owner, session, p5=6)
    reply = play(owner, session, type="branch", step=1, name="try")
    assert reply["branch"]["name"] == "try"
    assert reply["branch"]["fork_number"] == 1
    assert head_of(session).number == 1
    apply(play, owner, session, p6=7)
    assert Branch.objects.count() == 2
    assert state_at(session).tokens[4:7] == [5, MASK, 7]


def test_branches_are_named_and_marked(play: Any, owner: User, session: Session) -> None:
    id = session.head_branch_id
    play(owner, session, type="change_branch", branch=id, name="best", marked=True)
    branch = snapshot(session)["branches"][0]
    assert (branch["name"], branch["marked"]) == ("best", True)


def test_pruning_can_be_undone(play: Any, owner: User, session: Session) -> None:
    main = session.head_branch_id
    apply(play, owner, session, p4=5)
    child = play(owner, session, type="branch", step=0)["branch"]["id"]
    apply(play, owner, session, p5=6)
    grandchild = play(owner, session, type="branch", step=1)["branch"]["id"]
    assert play(owner, session, type="prune", branch=child)["error_type"] == "conflict"
    play(owner, session, type="rewind", step=1, branch=main)
    assert play(owner, session, type="prune", branch=main)["field"] == "branch"
    play(owner, session, type="prune", branch=child)
    pruned = {row["id"] for row in snapshot(session)["branches"] if row["pruned"]}
    assert pruned == {child, grandchild}
    hidden = play(owner, session, type="rewind", step=1, branch=child)
    assert hidden["error_type"] == "not_found"
    play(owner, session, type="restore", branch=child)
    assert not any(row["pruned"] for row in snapshot(session)["branches"])
    assert play(owner, session, type="rewind", step=1, branch=child)["type"] == "state_update"


def test_diff_and_merge(play: Any, owner: User, session: Session) -> None:
    main = session.head_branch_id
    apply(play, owner, session, p4=5, p5=6)
    child = play(owner, session, type="branch", step=0)["branch"]["id"]
    apply(play, owner, session, p4=5, p6=7)
    diff = play(owner, session, type="diff", branches=[main, child])
    assert [row["slot"] for row in diff["differences"]] == [5, 6]
    assert diff["same"] == 14
    assert diff["differences"][0]["tokens"][0] == {"token_id": 6, "token": "f"}
    reply = play(owner, session, type="merge", branch=main)
    assert reply["state"]["selected_positions"] == {"4": 5, "5": 6, "6": 7}
    assert play(owner, session, type="merge", branch=main)["error_type"] == "validation"


def test_compare_shows_what_strategies_would_take(
    play: Any, owner: User, session: Session, runtime: FakeRuntime
) -> None:
    play(owner, session, type="forward_pass")
    reply = play(
        owner, session, type="compare", strategies=["low_confidence", "high_confidence"],
        tokens_to_select=2,
    )  # fmt: skip
    assert runtime.forwards == 1
    assert session.staged == {}
    for name in ("low_confidence", "high_confidence"):
        alone = play(owner, session, type="select_tokens_only", strategy=name, tokens_to_select=2)[
            "selected_tokens"
        ]
        told = {str(p["position"]): p["token_id"] for p in reply["strategies"][name]}
        assert told == alone


def test_hand_picks_are_staged_and_taken_back(play: Any, owner: User, session: Session) -> None:
    play(owner, session, type="stage", selections={"4": 5, "5": 6})
    reply = play(owner, session, type="stage", selections={"5": None, "6": 7})
    assert {p: s["token"] for p, s in reply["selections"].items()} == {"4": 5, "6": 7}
    assert reply["selections"]["4"]["label"] == "e"
    assert play(owner, session, type="stage", selections={"0": 5})["field"] == "selections.0"
    reply = play(owner, session, type="stage", selections={}, replace=True)
    assert reply["selections"] == {}


def test_sessions_are_listed_in_pages(play: Any, owner: User, start: Any) -> None:
    made = [str(start().pk) for _ in range(3)]
    first = play(owner, type="list_sessions", limit=2)
    rest = play(owner, type="list_sessions", limit=2, before=first["next"])
    listed = [row["session_id"] for row in first["sessions"] + rest["sessions"]]
    assert listed == made[::-1]
    assert rest["next"] is None
    assert play(owner, type="list_sessions", before="soon")["field"] == "before"


def test_resume_beyond_the_end_is_refused(play: Any, owner: User, session: Session) -> None:
    assert play(owner, session, type="resume", after=99)["field"] == "after"
    assert play(owner, session, type="resume", after=3)["number"] == 3
