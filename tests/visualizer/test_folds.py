"""History is folded once for a command that writes a step, however long the session is."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext

from visualizer.models import Session
from visualizer.selectors import history

pytestmark = pytest.mark.django_db
COMMANDS: dict[str, dict[str, Any]] = {
    "apply_selection": {"selections": {"4": 5, "5": 6}},
    "remask": {"positions": [6]},
    "lock": {"positions": [6]},
    "stage": {"selections": {"4": 5}},
}


class Counted:
    """Stands for `fold`; counts its calls."""

    def __init__(self) -> None:
        self.calls, self.real = 0, history.fold

    def __call__(self, *given: Any) -> Any:
        self.calls += 1
        return self.real(*given)


@pytest.fixture
def folds(monkeypatch: pytest.MonkeyPatch) -> Counted:
    counted = Counted()
    monkeypatch.setattr(history, "fold", counted)
    return counted


@pytest.mark.parametrize("channel", ["api", "page"])
@pytest.mark.parametrize("type", COMMANDS)
def test_one_command_folds_once(
    play: Any, owner: User, session: Session, folds: Counted, type: str, channel: str
) -> None:
    play(owner, session, type="forward_pass")
    play(owner, session, type="apply_selection", selections={"6": 7})
    folds.calls = 0
    with CaptureQueriesContext(connection) as queries:
        reply = play(owner, session, channel=channel, type=type, **COMMANDS[type])
    assert "error_type" not in reply
    read = sum('FROM "visualizer_step"' in query["sql"] for query in queries)
    assert folds.calls == 1
    assert read <= 2  # the steps themselves, and the number of the newest


def test_a_long_history_is_asked_as_often_as_a_short_one(
    play: Any, owner: User, session: Session
) -> None:
    counts = []
    for position in range(4, 10):
        with CaptureQueriesContext(connection) as queries:
            play(owner, session, type="apply_selection", selections={str(position): 7})
        counts.append(len(queries))
    assert len(set(counts[1:])) == 1
