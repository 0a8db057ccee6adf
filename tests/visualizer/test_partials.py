"""Events as partials for the page: who gets which, what they hold, and that all is escaped."""

from __future__ import annotations

from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth.models import User

from inference.models import ModelEntry, StreamEvent
from visualizer.consumers import queue_position
from visualizer.models import Command, Run, Session
from visualizer.partials import branch_tree, model_state, render_for, run_state, staged_rows

pytestmark = pytest.mark.django_db
HOSTILE = "<script>alert(1)</script>"


def events_of(session: Session) -> list[StreamEvent]:
    return list(StreamEvent.objects.filter(stream=session.stream))


def test_every_event_of_a_cycle_can_be_rendered(play: Any, owner: User, session: Session) -> None:
    play(owner, session, type="forward_pass")
    play(owner, session, type="auto_select", tokens_to_select=2)
    picks = {pos: pick["token"] for pos, pick in session.staged["selections"].items()}
    play(owner, session, type="apply_selection", selections=picks)
    play(owner, session, type="run", recipe="rank/high_confidence")
    seen = {event.type: render_for(event.type, event.payload, session)
            for event in events_of(session)}  # fmt: skip
    assert {"session", "branch", "head", "forward", "staged", "step", "run"} <= seen.keys()
    assert 'id="title"' in seen["session"]
    assert 'id="branches"' in seen["branch"]
    assert 'id="run-state"' in seen["run"]
    assert seen["step"] == seen["head"] == ""  # tokens travel as deltas


def test_a_loading_model_says_how_far_it_is(session: Session) -> None:
    ModelEntry.objects.filter(pk=session.model_id).update(
        state="loading", progress=0.42, bytes_total=100, bytes_loaded=42
    )
    html = render_for("model", {}, session)
    assert 'id="model"' in html
    assert "loading 42%" in html


def test_partials_are_swapped_out_of_band_and_small(session: Session) -> None:
    html = render_for("session", {"title": "A title"}, session)
    assert 'hx-swap-oob="true"' in html
    assert len(html) < 6_000


def test_a_staged_list_names_position_and_token(session: Session) -> None:
    payload = {
        "selections": {
            "11": {"token": 1, "label": " b", "by": "hand"},
            "5": {"token": 2, "label": HOSTILE, "by": "auto"},
        },
        "strategy": "high_confidence",
    }
    html = render_for("staged", payload, session)
    assert HOSTILE not in html
    assert "&lt;script&gt;" in html
    assert "␣b" in html
    assert [row["pos"] for row in staged_rows(payload)] == [5, 11]
    assert "chosen by: Most confident first" in html


def test_hostile_titles_and_branches_are_text(play: Any, owner: User, session: Session) -> None:
    play(owner, session, type="branch", name=HOSTILE)
    assert HOSTILE not in render_for("branch", {}, session)
    assert HOSTILE not in render_for("session", {"title": HOSTILE}, session)


def test_a_failed_run_says_why(session: Session) -> None:
    error = {"message": f"It broke {HOSTILE}", "correlation_id": "abc"}
    html = render_for("run", {"status": "failed", "error": error}, session)
    assert "Run failed" in html
    assert "Reference abc" in html
    assert HOSTILE not in html


def test_unknown_events_need_no_partial(session: Session) -> None:
    assert render_for("no such event", {}, session) == ""


def test_pruned_branches_are_left_out_of_the_tree() -> None:
    rows: list[dict[str, Any]] = [
        {"id": 1, "parent": None, "pruned": False},
        {"id": 2, "parent": 1, "pruned": True},
        {"id": 3, "parent": 1, "pruned": False},
    ]
    (root,) = branch_tree(rows, 3)
    assert [(child["id"], child["current"]) for child in root["children"]] == [(3, True)]


def test_no_run_no_words() -> None:
    assert run_state(None)["text"] == ""


@pytest.mark.parametrize(
    ("state", "words"),
    [(ModelEntry.State.LOADED, "Queued"), (ModelEntry.State.LOADING, "Waiting for the model")],
)
def test_a_queued_run_says_that_its_model_is_loaded_first(
    session: Session, state: str, words: str
) -> None:
    ModelEntry.objects.filter(pk=session.model_id).update(state=state)
    queued = {"status": Run.Status.QUEUED, "id": 0, "error": None}
    assert f">{words}</span>" in render_for("run", queued, session)


@pytest.mark.django_db(transaction=True)
def test_a_command_says_that_its_model_is_loaded_first(owner: User, session: Session) -> None:
    command = Command.objects.create(user=owner, session=session, type="forward_pass")
    assert ">Waiting</span>" in async_to_sync(queue_position.of)(command.pk)
    ModelEntry.objects.filter(pk=session.model_id).update(state=ModelEntry.State.LOADING)
    assert ">Waiting for the model</span>" in async_to_sync(queue_position.of)(command.pk)


@pytest.mark.parametrize(
    ("state", "light", "words"),
    [
        (ModelEntry.State.AVAILABLE, "none", "far on another server"),
        (ModelEntry.State.FAILED, "bad", "far on another server, which does not answer"),
    ],
)
def test_a_model_elsewhere_is_never_said_to_be_loaded_here(
    state: str, light: str, words: str
) -> None:
    entry = ModelEntry(label="far", kind=ModelEntry.Kind.REMOTE, state=state)
    told = model_state(entry)
    assert (told["state"], told["text"]) == (light, words)
