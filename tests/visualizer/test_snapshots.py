"""Snapshot at N and the events after it are the snapshot at M, for every command."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext

from inference.events import events_after
from tests.visualizer.reducer import closed, opened, reduce
from visualizer.commands import COMMANDS
from visualizer.models import Branch, Session, Step
from visualizer.selectors import StateRef, head_of, snapshot, state_at

pytestmark = pytest.mark.django_db


def as_client(value: Any) -> Any:
    return json.loads(json.dumps(value))


def play_all(play: Any, owner: User, session: Session) -> list[str]:
    """A life with every command that changes a session; yields each command's type."""
    main = head_of(session).branch
    apply = {"type": "apply_selection"}
    life: list[dict[str, Any]] = [
        {"type": "forward_pass", "visual_top_k": 5},
        {"type": "stage", "selections": {"5": 6}},
        {"type": "auto_select", "tokens_to_select": 2},
        {"type": "select_tokens_only"},
        {"type": "compare"},
        {"type": "reprocess_probabilities", "settings": {"softmax_temperature": 0.5}},
        {**apply, "selections": {"4": 5, "5": 6}},
        {"type": "lock", "positions": [4]},
        {"type": "forward_pass"},
        {"type": "unlock", "positions": [4]},
        {"type": "note", "text": "look here"},
        {"type": "note", "text": "and at the start", "step": 0},
        {"type": "remask", "positions": [5]},
        {"type": "rewind", "step": 1},
        {**apply, "selections": {"6": 7}},
        {"type": "forward_pass"},
        {"type": "rewind", "step": 4, "branch": main},
        {"type": "branch", "step": 2, "name": "third"},
        {"type": "merge", "branch": main + 1},
        {"type": "rename_session", "title": "another"},
        {"type": "change_branch", "branch": main, "name": "first", "marked": True},
        {"type": "diff", "branches": [main, main + 1]},
        {"type": "prune", "branch": main + 1},
        {"type": "restore", "branch": main + 1},
        {"type": "rewind", "step": 0},
        {"type": "delete_session"},
    ]
    played = []
    for message in life:
        reply = play(owner, session, **message)
        assert reply["type"] != "error", (message, reply)
        played.append(message["type"])
    return played


def test_every_command_keeps_snapshots_and_events_in_step(
    play: Any, owner: User, session: Session
) -> None:
    first = as_client(snapshot(session))
    snapshots = [first]
    original = play

    def watched(*arguments: Any, **message: Any) -> Any:
        reply = original(*arguments, **message)
        snapshots.append(as_client(snapshot(session)))
        return reply

    played = play_all(watched, owner, session)
    state, start = opened(first), first["slots"]
    later = {row["number"]: row for row in snapshots}
    for event in events_after(session.stream_id, first["number"]):
        state = reduce(state, event.number, event.type, as_client(event.payload))
        if event.number in later:
            assert closed(state, start) == later[event.number]
    assert state["number"] == snapshots[-1]["number"]
    not_played = set(COMMANDS) - set(played)
    assert not_played == {
        "load_model", "cancel_load", "initialize", "tokenize_and_forward", "list_sessions",
        "open_session", "resume", "restore_session", "run", "stop", "insert", "delete",
        "run_again", "choose", "stage_text",
        "compare_runs",
        "compare_branches", "save_preset", "delete_preset", "list_presets", "lab_start", "regrets",
        "lab_cancel", "lab_job", "lab_jobs", "share", "unshare", "list_links",
        "decide", "judge", "calibrate", "calibration", "list_calibrations", "cancel_calibration",
        "delete_calibration",
    }  # fmt: skip


def test_a_snapshot_of_an_older_place(play: Any, owner: User, session: Session) -> None:
    for position in (4, 5, 6):
        play(owner, session, type="apply_selection", selections={str(position): 9})
    seen = snapshot(session, number=1)
    assert seen["head"]["number"] == 1
    assert [slot[1] for slot in seen["slots"]] == state_at(
        session, StateRef(head_of(session).branch, 1)
    ).tokens
    assert [step["number"] for step in seen["steps"]] == [1, 2, 3]
    assert seen["commits"] == {"4": [1, None]}


def test_long_histories_are_folded_by_few_queries_and_told_in_few_bytes(session: Session) -> None:
    """1 024 positions in 256 steps."""
    session.gen_length = 1024
    session.save()
    branch = Branch.objects.get(session=session)
    Step.objects.bulk_create(
        Step(
            branch=branch,
            number=number + 1,
            operations=[
                {"op": "commit", "slot": 4 + 4 * number + i, "token": 5, "p": 0.5, "by": "auto"}
                for i in range(4)
            ],
        )
        for number in range(256)
    )
    ref = StateRef(branch.pk, 256)
    with CaptureQueriesContext(connection) as queries:
        assert state_at(session, ref).is_complete
    assert len(queries) <= 3
    session.head_number = 256
    session.save()
    assert len(json.dumps(snapshot(session))) < 400_000
