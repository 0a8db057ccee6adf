"""The manual cycle: initialize, forward, select, apply, rewind."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User

from inference.models import StreamEvent
from tests.visualizer.fakes import CONTEXT, MASK, FakeRuntime
from visualizer.models import Session, Step
from visualizer.selectors import head_of, state_at

pytestmark = pytest.mark.django_db


def events(session: Session) -> list[str]:
    rows = StreamEvent.objects.filter(stream=session.stream)
    assert [row.number for row in rows] == list(range(1, len(rows) + 1))
    return [row.type for row in rows]


def test_initialize_shows_prompt_and_masks(play: Any, owner: User) -> None:
    reply = play(owner, type="initialize", prompt="once", gen_length=12, block_length=4)
    assert reply["type"] == "state_update", reply
    state = reply["state"]
    assert reply["type"] == "state_update"
    assert reply["is_complete"] is False
    assert (state["step"], state["block"], state["prompt_length"]) == (0, 0, 4)
    assert state["token_ids"] == [15, 14, 3, 5] + [MASK] * 12
    assert state["tokens"][:5] == ["o", "n", "c", "e", "[MASK]"]
    assert state["selected_positions"] == {}
    assert (state["block_start"], state["block_length"]) == (4, 4)
    boundaries = [p["position"] for p in state["positions"] if p["is_block_boundary"]]
    assert boundaries == [4, 8, 12]


def test_positions_carry_the_fields_of_both_structures(play: Any, owner: User) -> None:
    state = play(owner, type="initialize", prompt="once", gen_length=2)["state"]
    union = {
        "position",
        "current_token",
        "current_token_id",
        "is_masked",
        "is_prompt",
        "is_block_boundary",
        "candidates",
        "actual_top_k",
    }
    assert all(union <= position.keys() for position in state["positions"])


def test_gen_length_defaults_to_128_or_the_room(play: Any, owner: User) -> None:
    assert play(owner, type="initialize", prompt="")["state"]["gen_length"] == 128
    long = "a" * (CONTEXT - 50)
    assert play(owner, type="initialize", prompt=long)["state"]["gen_length"] == 50


def test_masks_in_the_prompt_are_open_if_that_is_asked_for(play: Any, owner: User) -> None:
    plain = play(owner, type="initialize", prompt="o_ce", gen_length=4)["state"]
    assert plain["token_ids"][1] != MASK
    filled = play(owner, type="initialize", prompt="o_ce", gen_length=4, special_tokens=True)
    session = Session.objects.get(pk=filled["session_id"])
    assert [p["is_prompt"] for p in filled["state"]["positions"][:4]] == [True, False, True, True]
    play(owner, session, type="forward_pass")
    chosen = play(owner, session, type="auto_select", tokens_to_select=9)["selected_tokens"]
    assert sorted(chosen) == ["1", "4", "5", "6", "7"]


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"prompt": "a" * CONTEXT}, "prompt"),
        ({"prompt": "once", "gen_length": CONTEXT - 3}, "gen_length"),
        ({"prompt": "a" * (CONTEXT - 9), "block_length": 10}, "block_length"),
        ({"prompt": "once", "model": "nobody/knows-it"}, "model"),
    ],
)
def test_initialize_names_what_does_not_fit(
    play: Any, owner: User, fields: dict[str, Any], field: str
) -> None:
    reply = play(owner, type="initialize", **fields)
    assert reply["type"] == "error"
    assert reply["field"] == field
    assert not Session.objects.exists()


def test_initialize_needs_a_loaded_model(play: Any, owner: User, entry: Any) -> None:
    entry.state = "available"
    entry.save()
    reply = play(owner, type="initialize", prompt="once")
    assert reply["message"] == "Model not loaded. Please load a model first."
    assert reply["error_type"] == "model_unavailable"


def test_forward_pass_keeps_the_distribution(play: Any, owner: User, session: Session) -> None:
    reply = play(owner, session, type="forward_pass", visual_top_k=5, actual_top_k=3, top_p=0.9)
    positions = reply["result"]["positions"]
    assert reply["type"] == "forward_pass_result"
    assert len(positions) == 16
    assert reply["result"]["tokens"] == state_at(session).tokens
    assert reply["result"]["raw_logits"] == []
    for position in positions:
        candidates = position["candidates"]
        probs = [c["prob"] for c in candidates]
        assert [c["rank"] for c in candidates] == [0, 1, 2, 3, 4]
        assert probs == sorted(probs, reverse=True)
        assert sum(probs) <= 1
        assert all(c["token_id"] != MASK for c in candidates)
        assert candidates[0]["is_in_actual"]
        assert sum(c["is_in_actual"] for c in candidates) <= 3
    assert events(session)[-2:] == ["forward", "session"]


def test_the_crossing_token_is_kept(play: Any, owner: User, session: Session) -> None:
    reply = play(owner, session, type="forward_pass", visual_top_k=100, actual_top_k=100, top_p=0.5)
    for position in reply["result"]["positions"]:
        inside = [c["prob"] for c in position["candidates"] if c["is_in_actual"]]
        assert sum(inside) >= 0.5 or len(inside) == 100
        assert sum(inside[:-1]) < 0.5


def test_forward_pass_says_when_a_length_is_not_used(
    play: Any, owner: User, session: Session
) -> None:
    assert "notice" in play(owner, session, type="forward_pass", gen_length=64)
    assert "notice" not in play(owner, session, type="forward_pass", gen_length=12)


def test_auto_select_stages_and_answers(play: Any, owner: User, session: Session) -> None:
    play(owner, session, type="forward_pass")
    reply = play(owner, session, type="auto_select", tokens_to_select=2)
    assert reply["message"] == "Auto-selected 2 tokens using low_confidence strategy."
    assert len(reply["selected_tokens"]) == 2
    assert reply["state"]["step"] == 0
    assert set(session.staged["selections"]) == set(reply["selected_tokens"])


@pytest.mark.parametrize(
    ("strategy", "expected"),
    [
        ("low_confidence", "first"),
        ("high_confidence", "last"),
        ("low_entropy", "last"),
        ("high_entropy", "first"),
    ],
)
def test_strategies_mean_what_the_glosses_say(
    play: Any, owner: User, session: Session, runtime: FakeRuntime, strategy: str, expected: str
) -> None:
    runtime.table[4:8] = 0.0
    for position, logit in zip(range(4, 8), (1.0, 2.0, 3.0, 4.0), strict=True):
        runtime.table[position, position] = logit  # ever surer, ever less entropy
    play(owner, session, type="forward_pass")
    reply = play(owner, session, type="auto_select", strategy=strategy)
    assert reply["selected_tokens"] == ({"4": 4} if expected == "first" else {"7": 7})


def test_choices_stay_within_the_first_open_block(play: Any, owner: User, session: Session) -> None:
    play(owner, session, type="forward_pass")
    reply = play(owner, session, type="auto_select", tokens_to_select=9, strategy="random")
    assert sorted(map(int, reply["selected_tokens"])) == [4, 5, 6, 7]
    assert reply["message"].startswith("Auto-selected 4 tokens")


def test_select_tokens_only_stages_nothing(play: Any, owner: User, session: Session) -> None:
    play(owner, session, type="forward_pass")
    before = events(session)
    only = play(owner, session, type="select_tokens_only", tokens_to_select=2)
    assert session.staged == {}
    assert events(session) == before
    auto = play(owner, session, type="auto_select", tokens_to_select=2)
    assert only["selected_tokens"] == auto["selected_tokens"]


def test_apply_makes_a_step(play: Any, owner: User, session: Session) -> None:
    play(owner, session, type="forward_pass")
    chosen = play(owner, session, type="auto_select", tokens_to_select=2)["selected_tokens"]
    reply = play(owner, session, type="apply_selection", selections={**chosen, "9": 7})
    state = reply["state"]
    assert state["step"] == 1
    assert state["selected_positions"] == {**chosen, "9": 7}
    assert [p["position"] for p in state["positions"] if p["is_masked"]] == [
        p for p in range(4, 16) if str(p) not in {*chosen, "9"}
    ]
    operations = {o["slot"]: o for o in Step.objects.get().operations}
    assert operations[9]["by"] == "hand"
    assert all(operations[int(p)]["by"] == "auto" for p in chosen)
    assert 0 < operations[9]["p"] < 1
    assert session.staged == {}
    assert events(session)[-3:] == ["step", "head", "staged"]


def test_the_forward_after_a_step_sees_it(play: Any, owner: User, session: Session) -> None:
    play(owner, session, type="forward_pass")
    play(owner, session, type="apply_selection", selections={"5": 9})
    reply = play(owner, session, type="forward_pass")
    assert reply["step"] == 1
    assert reply["result"]["tokens"][5] == 9
    assert reply["result"]["positions"][5]["is_masked"] is False


@pytest.mark.parametrize(
    ("selections", "field"),
    [
        ({"0": 5}, "selections.0"),
        ({"16": 5}, "selections.16"),
        ({"9999": 5}, "selections.9999"),
        ({"4": MASK}, "selections.4"),
        ({"4": 160}, "selections.4"),
        ({"4": 1_000_000_000}, "selections.4"),
    ],
)
def test_apply_refuses_what_does_not_fit(
    play: Any, owner: User, session: Session, selections: dict[str, int], field: str
) -> None:
    from inference.errors import UnmaskError

    before = events(session)
    try:
        reply = play(owner, session, type="apply_selection", selections=selections)
        assert reply["error_type"] == "validation"
        assert reply["field"] == field
    except UnmaskError as error:
        assert error.field == field  # noqa: PT017 - refused at the door
    assert events(session) == before
    assert not Step.objects.exists()


def test_a_committed_position_cannot_be_written_again(
    play: Any, owner: User, session: Session
) -> None:
    play(owner, session, type="apply_selection", selections={"4": 5})
    reply = play(owner, session, type="apply_selection", selections={"4": 6})
    assert reply["field"] == "selections.4"


def test_apply_until_complete(play: Any, owner: User, start: Any) -> None:
    session = start(gen_length=2)
    reply = play(owner, session, type="apply_selection", selections={"4": 5, "5": 6})
    assert reply["is_complete"] is True


def test_selection_needs_a_forward_pass_of_this_state(
    play: Any, owner: User, session: Session
) -> None:
    text = "No cached logits available. Run forward pass first."
    assert play(owner, session, type="auto_select")["message"] == text
    play(owner, session, type="forward_pass")
    play(owner, session, type="apply_selection", selections={"4": 5})
    assert play(owner, session, type="auto_select")["message"] == text
    assert play(owner, session, type="reprocess_probabilities")["message"] == text
    play(owner, session, type="rewind", step=0)
    assert play(owner, session, type="auto_select")["type"] == "state_update"


def test_rewind_is_a_view(play: Any, owner: User, session: Session) -> None:
    for position in (4, 5, 6):
        play(owner, session, type="apply_selection", selections={str(position): 9})
    reply = play(owner, session, type="rewind", step=1)
    assert reply["state"]["selected_positions"] == {"4": 9}
    assert Step.objects.count() == 3
    assert play(owner, session, type="rewind", step=3)["state"]["step"] == 3


@pytest.mark.parametrize("step", [4, 1_000_000])
def test_rewind_beyond_the_end_is_refused(
    play: Any, owner: User, session: Session, step: int
) -> None:
    reply = play(owner, session, type="rewind", step=step)
    assert reply["field"] == "step"
    assert head_of(session).number == 0


def test_another_choice_at_an_older_step_makes_a_branch(
    play: Any, owner: User, session: Session
) -> None:
    for token in (9, 10):
        play(owner, session, type="apply_selection", selections={str(token): token})
    main = head_of(session).branch
    play(owner, session, type="rewind", step=1)
    reply = play(owner, session, type="apply_selection", selections={"5": 7})
    assert reply["state"]["step"] == 2
    assert reply["state"]["selected_positions"] == {"9": 9, "5": 7}
    assert head_of(session).branch != main
    back = play(owner, session, type="rewind", step=2, branch=main)
    assert back["state"]["selected_positions"] == {"9": 9, "10": 10}


def test_tokenize_and_forward_answers_at_once(play: Any, owner: User) -> None:
    reply = play(owner, type="tokenize_and_forward", prompt="hello", gen_length=6, top_k=7)
    assert reply["type"] == "forward_pass_result"
    assert reply["result"]["prompt_length"] == 5
    assert len(reply["result"]["positions"][5]["candidates"]) == 7
    session = Session.objects.get(pk=reply["session_id"])
    assert play(owner, session, type="auto_select")["type"] == "state_update"


@pytest.mark.parametrize("top_k", [100, 101, 159, 50_000])
def test_tokenize_and_forward_shows_as_many_as_asked_for(
    play: Any, owner: User, top_k: int
) -> None:
    reply = play(owner, type="tokenize_and_forward", prompt="hello", gen_length=6, top_k=top_k)
    for position in reply["result"]["positions"]:
        candidates = position["candidates"]
        assert len(candidates) == min(top_k, 159)  # all but the mask
        assert MASK not in {c["token_id"] for c in candidates}
        assert sum(c["prob"] for c in candidates) <= 1
        assert all(c["is_in_actual"] for c in candidates)


def test_pages_get_no_state_in_replies(play: Any, owner: User, session: Session) -> None:
    assert "result" not in play(owner, session, channel="page", type="forward_pass")
    reply = play(owner, session, channel="page", type="auto_select")
    assert "state" not in reply
    assert reply["selected_tokens"]
