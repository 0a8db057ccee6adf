"""Whole runs side by side: queued together, measured, aligned."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from django.contrib.auth.models import User

from inference.errors import UnmaskError
from inference.events import events_after
from tests.slices import short_slices
from tests.visualizer.reducer import opened, reduce
from tests.visualizer.working import work_off
from visualizer.models import Branch, Run, Session, Step
from visualizer.selectors import StateRef, head_of, snapshot, state_at
from visualizer.selectors.comparison import Side, compare_branches, side_for
from visualizer.selectors.measures import history_of, kendall, measures
from visualizer.selectors.readers import Owner
from visualizer.selectors.runs import runs_of

pytestmark = pytest.mark.django_db
Begin = Callable[..., Session]
RECIPES = [
    {"recipe": "rank/high_confidence", "tokens_per_step": 2},
    {"recipe": "rank/low_confidence", "tokens_per_step": 4, "name": "unsure first"},
    {"recipe": "rank/random"},
]


@pytest.fixture
def compared(play: Any, owner: User, begin: Begin, sent: list[Any]) -> tuple[Session, list[int]]:
    session = begin()
    reply = play(owner, session, type="compare_runs", recipes=RECIPES)
    assert reply["type"] == "runs_queued", reply
    work_off(session, sent)
    return session, [branch["id"] for branch in reply["branches"]]


def ends(owner: User, session: Session, *branches: int) -> list[Side]:
    return [side_for(Owner(owner), session.pk, branch) for branch in branches]


def test_each_recipe_runs_on_a_branch_of_its_own(owner: User, compared: Any) -> None:
    session, branches = compared
    assert head_of(session).number == 0
    assert [run.status for run in Run.objects.all()] == ["done"] * 3
    names = [Branch.objects.get(pk=id).name for id in branches]
    assert names == ["Most confident first, tokens per step 2", "unsure first", "Random order"]
    steps = [Step.objects.filter(branch=id).count() for id in branches]
    assert steps == [4, 2, 8]
    assert all(state_at(session, side.ref).is_complete for side in ends(owner, session, *branches))
    assert set(runs_of(session, branches)) == set(branches)


def test_a_compared_run_is_the_same_as_one_alone(
    play: Any, owner: User, begin: Begin, sent: list[Any], compared: Any
) -> None:
    session, branches = compared
    alone = begin()
    play(owner, alone, type="run", recipe="rank/random")
    work_off(alone, sent)
    assert state_at(alone).tokens == state_at(session, StateRef(branches[2], 8)).tokens
    other = Side(alone, head_of(alone))
    result = compare_branches(ends(owner, session, branches[2])[0], other)
    assert result["agreement"] == 1.0
    assert result["first_divergence"] is None
    assert result["parameters"] == []


def test_runs_wait_for_one_another_and_snapshots_keep_in_step(
    play: Any, owner: User, begin: Begin, sent: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    session = begin()
    state = opened(snapshot(session))
    short_slices(monkeypatch)
    play(owner, session, type="compare_runs", recipes=RECIPES)
    for turn in itertools.count():
        for event in events_after(session.stream_id, state["number"]):
            state = reduce(state, event.number, event.type, event.payload)
        assert state["run"] == snapshot(session)["run"]
        running = Run.objects.filter(status="running").count()
        assert running <= 1
        if not Run.objects.filter(status__in=Run.ACTIVE).exists():
            break
        assert turn < 40
        work_off(session, sent[:1])
    assert Step.objects.count() == 14


def test_stop_ends_the_run_and_those_behind_it(
    play: Any, owner: User, begin: Begin, sent: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    session = begin()
    short_slices(monkeypatch)
    play(owner, session, type="compare_runs", recipes=RECIPES)
    refused = play(owner, session, type="compare_runs", recipes=RECIPES)
    assert refused["error_type"] == "conflict"
    play(owner, session, type="stop")
    work_off(session, sent)
    assert set(Run.objects.values_list("status", flat=True)) == {"stopped"}
    made = Step.objects.values_list("branch", flat=True).distinct().count()
    assert made <= 1


@pytest.mark.parametrize(
    ("recipes", "field"),
    [
        (RECIPES[:1], "recipes"),
        ([*RECIPES, *RECIPES], "recipes"),
        ([RECIPES[0], {"recipe": "x", "nonsense": 1}], "recipes.1.nonsense"),
        ([RECIPES[0], {"recipe": "nobody/knows"}], "recipe"),
        ([RECIPES[0], {"recipe": "rank/random", "parameters": {"steps": True}}], "steps"),
    ],
)
def test_what_cannot_be_compared_is_named(
    play: Any, owner: User, begin: Begin, recipes: Any, field: str
) -> None:
    session = begin()
    assert named(lambda: play(owner, session, type="compare_runs", recipes=recipes)) == field
    assert not Run.objects.exists()
    assert Branch.objects.count() == 1


def named(ask: Callable[[], dict[str, Any]]) -> str | None:
    """The field that a refusal names, at the door or in the answer."""
    try:
        return str(ask().get("field"))
    except UnmaskError as error:
        return error.field


def test_the_comparison_of_two_lines(owner: User, compared: Any) -> None:
    session, branches = compared
    first, second = ends(owner, session, *branches[:2])
    result = compare_branches(first, second)
    tokens = [state_at(*side).tokens for side in (first, second)]
    start = len(session.prompt_ids)
    same = sum(a == b for a, b in zip(tokens[0][start:], tokens[1][start:], strict=True))
    assert result["counts"] == {"same": same, "different": 8 - same, "masked": 0, "missing": 0}
    assert result["agreement"] == round(same / 8, 4)
    assert [row["positions"] for row in result["positions"]] == [
        [start + n, start + n] for n in range(8)
    ]
    assert result["first_divergence"]["step"] == 1
    values = {row["name"]: row["values"] for row in result["parameters"]}
    assert values["recipe"] == ["rank/high_confidence", "rank/low_confidence"]
    assert values["tokens_per_step"] == [2, 4]
    assert [side["tokens_per_forward"] for side in result["sides"]] == [2.0, 4.0]
    assert all(0 < side["mean_confidence"] < 1 for side in result["sides"])
    assert all(side["mean_entropy"] > 0 for side in result["sides"])
    assert " ".join(part["words"][0] for part in result["words"]).split()


def test_an_earlier_place_has_masks(owner: User, compared: Any) -> None:
    session, branches = compared
    a, b = (
        side_for(Owner(owner), session.pk, branches[0], 1),
        side_for(Owner(owner), session.pk, branches[1]),
    )
    result = compare_branches(a, b)
    assert result["counts"]["masked"] == 6
    assert result["sides"][0]["masked"] == 6
    with pytest.raises(UnmaskError) as refused:
        side_for(Owner(owner), session.pk, branches[0], 5)
    assert refused.value.field == "step"


def test_the_order_by_hand_is_measured(play: Any, owner: User, session: Session) -> None:
    for position in (4, 5, 6, 7):
        play(owner, session, type="apply_selection", selections={str(position): 9})
    assert measures(history_of(session, head_of(session)))["kendall_tau"] == 1.0
    play(owner, session, type="remask", positions=[4])
    play(owner, session, type="apply_selection", selections={"4": 9})
    told = measures(history_of(session, head_of(session)))
    assert told["kendall_tau"] == 0.0
    assert (told["tokens"], told["steps"], told["forwards"]) == (4, 6, 0)
    assert told["tokens_per_forward"] is None
    assert told["mean_entropy"] is None


def test_kendall_counts_pairs() -> None:
    rng = np.random.default_rng(5)
    for _ in range(20):
        first, second = np.arange(9), rng.integers(0, 4, 9)
        pairs = list(itertools.combinations(range(9), 2))
        signs = [np.sign(second[j] - second[i]) for i, j in pairs]
        untied = sum(sign != 0 for sign in signs)
        expected = sum(signs) / (len(pairs) * untied) ** 0.5 if untied else None
        found = kendall(first, second)
        assert found == (None if expected is None else pytest.approx(expected, abs=1e-4))


def test_sessions_with_other_canvases_are_not_compared(owner: User, start: Any) -> None:
    one, two = start(), start(gen_length=11)
    with pytest.raises(UnmaskError) as refused:
        compare_branches(Side(one, head_of(one)), Side(two, head_of(two)))
    assert refused.value.error_type == "validation"


def test_only_the_owner_compares(
    play: Any, owner: User, friend: User, stranger: User, session: Session, start: Any
) -> None:
    theirs = {"session_id": str(session.pk), "branch": session.head_branch_id}
    ours = play(owner, type="compare_branches", sides=[theirs, theirs])
    assert ours["type"] == "comparison_result"
    for user in (friend, stranger):
        assert play(user, type="compare_branches", sides=[theirs, theirs])["error_type"] == (
            "not_found"
        )
    other = start()
    wrong = {**theirs, "branch": other.head_branch_id}
    assert play(owner, type="compare_branches", sides=[theirs, wrong])["field"] == "branch"
