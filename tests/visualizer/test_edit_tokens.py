"""Tokens that expand and delete, chosen by hand, by a strategy, or taken over from a branch."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from inference.models import ModelEntry
from inference.runtime.model_state import edit_ids
from tests.visualizer.fakes import ALPHABET, CONTEXT, MASK, FakeRuntime
from visualizer.models import Session, Step
from visualizer.selectors import head_of, snapshot, state_at
from visualizer.views.cells import rows

pytestmark = pytest.mark.django_db
EXPAND, DELETE = MASK + 1, MASK + 2


@pytest.fixture(autouse=True)
def edits(entry: ModelEntry, runtime: FakeRuntime) -> None:
    """The model edits: at position 5 it wants one more mask, at 6 one less."""
    spec = replace(runtime.model.spec, length="edits", expand_id=EXPAND, delete_id=DELETE)
    runtime.model.spec = spec
    runtime.table[5, EXPAND] = runtime.table[6, DELETE] = 60.0
    ModelEntry.objects.filter(pk=entry.pk).update(edit_ids=edit_ids(spec))


def operations(session: Session) -> list[dict[str, Any]]:
    step = Step.objects.filter(branch__session=session).latest("id")
    return [{k: v for k, v in op.items() if k != "p"} for op in step.operations]


def test_loading_tells_which_tokens_edit(runtime: FakeRuntime) -> None:
    assert edit_ids(runtime.model.spec) == {"expand": EXPAND, "delete": DELETE}
    assert edit_ids(replace(runtime.model.spec, length="fixed")) == {}


def test_applied_by_hand_they_insert_and_delete(play: Any, owner: User, session: Session) -> None:
    picks = {"4": ALPHABET.index("x"), "5": EXPAND, "6": DELETE}
    reply = play(owner, session, type="apply_selection", selections=picks)
    assert reply["type"] == "state_update"
    assert operations(session) == [
        {"op": "commit", "slot": 4, "token": picks["4"], "by": "hand"},
        {"op": "insert", "slot": 5, "new": [16], "by": "hand"},
        {"op": "delete", "slot": 6, "by": "hand"},
    ]
    canvas = state_at(session)
    assert [slot.id for slot in canvas.slots[4:8]] == [4, 5, 16, 7]
    assert EXPAND not in canvas.tokens
    assert DELETE not in canvas.tokens


def test_a_strategy_s_choice_says_what_it_does_and_does_it(
    play: Any, owner: User, session: Session
) -> None:
    play(owner, session, type="forward_pass")
    told = play(owner, session, type="compare", strategies=["high_confidence"], tokens_to_select=2)
    assert [pick["token"] for pick in told["strategies"]["high_confidence"]] == [
        "+1 mask",
        "remove",
    ]
    play(owner, session, type="auto_select", strategy="high_confidence", tokens_to_select=2)
    staged = snapshot(session)["staged"]["selections"]
    assert {pos: pick["label"] for pos, pick in staged.items()} == {"5": "+1 mask", "6": "remove"}
    picks = {pos: pick["token"] for pos, pick in staged.items()}
    play(owner, session, type="apply_selection", selections=picks)
    assert [(op["op"], op["by"]) for op in operations(session)] == [
        ("insert", "auto"),
        ("delete", "auto"),
    ]
    assert Step.objects.get(branch__session=session).recipe == "high_confidence"


def test_candidates_and_guesses_are_called_by_what_they_do(
    play: Any, owner: User, owner_client: Client, session: Session
) -> None:
    play(owner, session, type="forward_pass")
    base = f"/sessions/{session.pk}/step/0"
    shown = owner_client.get(f"{base}/pos/5/", headers={"HX-Request": "true"}).content.decode()
    assert "+1␣mask" in shown
    assert f"<{EXPAND}>" not in shown
    told = owner_client.get(f"{base}/profile/").json()
    labels = dict(zip(told["positions"], told["labels"], strict=True))
    assert (labels[5], labels[6]) == ("+1 mask", "remove")


def test_two_expansions_get_two_places_and_inserted_cells_are_marked(
    play: Any, owner: User, session: Session
) -> None:
    play(owner, session, type="apply_selection", selections={"4": EXPAND, "5": EXPAND})
    assert [op["new"] for op in operations(session)] == [[16], [17]]
    told = rows(snapshot(session))
    assert [row.slot for row in told if row.inserted] == [16, 17]


def test_growth_beyond_the_context_is_refused(play: Any, owner: User, start: Any) -> None:
    session = start(gen_length=CONTEXT - 4)
    reply = play(owner, session, type="apply_selection", selections={"4": EXPAND})
    assert (reply["error_type"], reply["field"]) == ("validation", "selections")
    assert not Step.objects.filter(branch__session=session).exists()


def test_a_merge_takes_over_places_gained_and_lost(
    play: Any, owner: User, session: Session
) -> None:
    main = head_of(session).branch
    play(owner, session, type="apply_selection", selections={"4": 9, "5": EXPAND, "6": DELETE})
    play(owner, session, type="apply_selection", selections={"5": 11, "6": 12})
    wanted = state_at(session)
    play(owner, session, type="branch", step=0)
    assert head_of(session).branch != main
    reply = play(owner, session, type="merge", branch=main)
    assert reply["type"] == "state_update"
    merged = state_at(session)
    held = [(slot.id, slot.token) for slot in merged.slots]
    assert held == [(slot.id, slot.token) for slot in wanted.slots]


def test_a_merge_leaves_places_that_only_this_branch_has(
    play: Any, owner: User, session: Session
) -> None:
    main = head_of(session).branch
    play(owner, session, type="apply_selection", selections={"4": 9})
    play(owner, session, type="branch", step=0)
    play(owner, session, type="apply_selection", selections={"5": EXPAND, "6": DELETE})
    play(owner, session, type="merge", branch=main)
    assert [slot.id for slot in state_at(session).slots[4:8]] == [4, 5, 16, 7]
    assert state_at(session).tokens[4] == 9


def test_nothing_to_take_over_is_a_plain_refusal(play: Any, owner: User, session: Session) -> None:
    main = head_of(session).branch
    play(owner, session, type="branch", step=0)
    reply = play(owner, session, type="merge", branch=main)
    assert (reply["error_type"], reply["retryable"]) == ("validation", False)


@pytest.mark.parametrize("type", ["lock", "unlock"])
def test_a_lock_keeps_the_forward_pass(
    play: Any, owner: User, session: Session, runtime: FakeRuntime, type: str
) -> None:
    if type == "unlock":
        play(owner, session, type="lock", positions=[5])
    play(owner, session, type="forward_pass")
    asked = runtime.forwards
    play(owner, session, type=type, positions=[5])
    told = snapshot(session)["forwards"][str(session.head_number)]
    assert (told["ms"], told["cached"]) == (0.0, True)
    reply = play(owner, session, type="auto_select", tokens_to_select=1)
    assert reply["selected_tokens"]
    assert runtime.forwards == asked
