"""Two who change a session at the same time: neither undoes what the other did."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from core.commands import lifecycle
from inference.catalog import RANKINGS
from inference.models import StreamEvent
from visualizer.models import Session, Step
from visualizer.selectors import head_of
from visualizer.services.heads import rewind
from visualizer.services.sessions import remember_settings, rename_session
from visualizer.services.staging import stage

pytestmark = pytest.mark.django_db


def twice(session: Session) -> tuple[Session, Session]:
    """The row as two sockets read it at the same time."""
    one, two = (Session.objects.get(pk=session.pk) for _ in range(2))
    return one, two


def staged(session: Session) -> dict[str, int]:
    session.refresh_from_db()
    return {
        position: pick["token"] for position, pick in session.staged.get("selections", {}).items()
    }


def test_picks_of_two_sockets_are_both_kept(session: Session) -> None:
    one, two = twice(session)
    stage(session=one, picks={4: 5}, by="hand")
    stage(session=two, picks={5: 6}, by="hand")
    assert staged(session) == {"4": 5, "5": 6}


def test_a_pick_is_judged_by_the_state_that_it_is_staged_for(
    play: Any, owner: User, session: Session
) -> None:
    """Positions and picks belong to the head, which somebody else has moved."""
    late = Session.objects.get(pk=session.pk)
    play(owner, session, type="apply_selection", selections={"4": 9})
    with pytest.raises(Exception, match="already holds a token"):
        stage(session=late, picks={4: 5}, by="hand")


def test_another_title_does_not_tell_of_former_settings(session: Session) -> None:
    one, two = twice(session)
    remember_settings(session=one, settings={"top_p": 0.5})
    rename_session(session=two, title="another")
    told = StreamEvent.objects.filter(stream=session.stream, type="session").last()
    assert told is not None
    assert (told.payload["title"], told.payload["settings"]) == ("another", {"top_p": 0.5})
    session.refresh_from_db()
    assert session.settings == {"top_p": 0.5}


def test_a_command_sees_what_was_done_while_it_came_in(
    play: Any, owner: User, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the look at the session and the transaction somebody else stages and moves on."""
    play(owner, session, type="apply_selection", selections={"4": 9})
    record = lifecycle.record

    def overtaken(*table: Any, **given: Any) -> Any:
        other = Session.objects.get(pk=session.pk)
        stage(session=other, picks={5: 6}, by="hand")
        return record(*table, **given)

    monkeypatch.setattr(lifecycle, "record", overtaken)
    reply = play(owner, session, type="stage", selections={"6": 7})
    assert sorted(reply["selections"]) == ["5", "6"]
    play(owner, session, type="rewind", step=0)
    assert head_of(session).number == 0
    assert staged(session) == {}


def test_a_moved_head_has_no_picks(session: Session) -> None:
    one, two = twice(session)
    stage(session=one, picks={4: 5}, by="hand")
    rewind(session=two, ref=head_of(two))
    assert staged(session) == {}


def chosen(session: Session) -> tuple[dict[str, str], str]:
    """Position → who chose what is staged there, and the strategy that stands for it."""
    session.refresh_from_db()
    picks = session.staged.get("selections", {})
    return {position: pick["by"] for position, pick in picks.items()}, session.staged["strategy"]


def test_what_is_put_back_of_an_automatic_selection_stays_automatic(
    play: Any, owner: User, session: Session
) -> None:
    stage(session=session, picks={4: 5, 5: 6}, by="auto", strategy="high_confidence")
    stage(session=session, picks={6: 7}, by="hand")
    stage(session=session, picks={4: 5, 5: 6}, by="hand", replace=True)  # undo
    assert chosen(session) == ({"4": "auto", "5": "auto"}, "high_confidence")
    stage(session=session, picks={}, by="hand", replace=True)
    assert chosen(session) == ({}, "")
    stage(session=session, picks={4: 5, 5: 6, 6: 7}, by="hand", replace=True)  # redo
    assert chosen(session) == ({"4": "auto", "5": "auto", "6": "hand"}, "high_confidence")
    stage(session=session, picks={4: 8, 5: 6}, by="hand", replace=True)  # another token
    assert chosen(session)[0] == {"4": "hand", "5": "auto"}


def test_a_pick_by_hand_is_one_whatever_a_strategy_chose_before(session: Session) -> None:
    stage(session=session, picks={4: 5}, by="auto", strategy="high_confidence")
    stage(session=session, picks={4: None}, by="hand")
    stage(session=session, picks={4: 5}, by="hand")
    assert chosen(session) == ({"4": "hand"}, "")


def test_an_automatic_choice_of_a_former_state_is_forgotten(
    play: Any, owner: User, session: Session
) -> None:
    stage(session=session, picks={4: 5}, by="auto", strategy="high_confidence")
    play(owner, session, type="apply_selection", selections={"6": 9})
    session.refresh_from_db()
    stage(session=session, picks={4: 5}, by="hand", replace=True)
    assert chosen(session) == ({"4": "hand"}, "")


def test_an_undone_selection_is_written_as_the_strategy_s(
    play: Any, owner: User, session: Session
) -> None:
    stage(session=session, picks={4: 5}, by="auto", strategy="high_confidence")
    stage(session=session, picks={}, by="hand", replace=True)
    stage(session=session, picks={4: 5}, by="hand", replace=True)
    play(owner, session, type="apply_selection", selections={"4": 5})
    step = Step.objects.get(branch__session=session, number=1)
    assert (step.recipe, step.operations[0]["by"]) == ("high_confidence", "auto")


@pytest.mark.parametrize("command", ["lock", "unlock"])
def test_locking_keeps_what_is_staged_elsewhere(
    play: Any, owner: User, session: Session, command: str
) -> None:
    if command == "unlock":
        play(owner, session, type="lock", positions=[7])
    stage(session=session, picks={4: 5, 7: 6} if command == "lock" else {4: 5}, by="auto",
          strategy="high_confidence")  # fmt: skip
    stage(session=session, picks={5: 8}, by="hand")
    play(owner, session, type=command, positions=[7])
    assert chosen(session) == ({"4": "auto", "5": "hand"}, "high_confidence")


def test_other_steps_take_staged_picks_with_them(play: Any, owner: User, session: Session) -> None:
    play(owner, session, type="apply_selection", selections={"6": 9})
    stage(session=session, picks={4: 5}, by="hand")
    play(owner, session, type="remask", positions=[6])
    assert staged(session) == {}


def test_the_page_names_a_rule_only_where_it_chose(owner_client: Client, session: Session) -> None:
    stage(session=session, picks={4: 5}, by="hand")
    address = f"/sessions/{session.pk}/"
    assert "chosen by" not in owner_client.get(address).content.decode()
    stage(session=session, picks={5: 6}, by="auto", strategy="low_entropy")
    page = owner_client.get(address).content.decode()
    assert f"chosen by: {RANKINGS['low_entropy'].label}" in page
