"""Slots, operations and folding: what a session's history is made of."""

from __future__ import annotations

from typing import Any

import pytest

from inference.engine.canvas import Canvas, CanvasError, Slot, fold

MASK = 9


def canvas() -> Canvas:
    return Canvas.start([1, 2], 3, MASK)


def test_starts_with_prompt_and_masks() -> None:
    assert canvas().tokens == [1, 2, MASK, MASK, MASK]
    assert canvas().open_positions == [2, 3, 4]
    assert canvas().prompt_length == 2


def test_a_mask_inside_the_prompt_is_open() -> None:
    assert Canvas.start([1, MASK, 2], 0, MASK).open_positions == [1]


def test_commit_edit_remask_fold() -> None:
    steps = [
        [{"op": "commit", "slot": 3, "token": 5}],
        [{"op": "edit", "slot": 3, "token": 6}],
        [{"op": "commit", "slot": 2, "token": 4, "by": "hand"}, {"op": "remask", "slot": 3}],
    ]
    end = fold(canvas(), steps)
    assert end.tokens == [1, 2, 4, MASK, MASK]
    assert end.slots[2].by == "hand"


def test_slots_keep_their_ids_when_others_come_and_go() -> None:
    end = canvas().apply(
        [
            {"op": "commit", "slot": 4, "token": 7},
            {"op": "insert", "slot": 2, "new": [5, 6]},
            {"op": "delete", "slot": 3},
        ]
    )
    assert end.tokens == [1, 2, MASK, MASK, MASK, 7]
    assert end.position_of[4] == 5
    assert [s.id for s in end.slots] == [0, 1, 2, 5, 6, 4]


def test_insert_at_the_front() -> None:
    assert canvas().apply([{"op": "insert", "slot": -1, "new": [8]}]).slots[0].id == 8


@pytest.mark.parametrize(
    ("operation", "field"),
    [
        ({"op": "commit", "slot": 0, "token": 5}, "slot"),
        ({"op": "commit", "slot": 99, "token": 5}, "slot"),
        ({"op": "commit", "slot": 2, "token": MASK}, "token"),
        ({"op": "edit", "slot": 2, "token": 5}, "slot"),
        ({"op": "insert", "slot": 2, "new": [3]}, "new"),
        ({"op": "nonsense", "slot": 2}, "op"),
    ],
)
def test_what_does_not_fit_is_refused_and_named(operation: dict[str, Any], field: str) -> None:
    before = canvas()
    with pytest.raises(CanvasError) as refused:
        before.apply([operation])
    assert refused.value.field == field
    assert before == canvas()


def test_a_locked_slot_keeps_its_token_until_unlocked() -> None:
    locked = canvas().apply([{"op": "commit", "slot": 2, "token": 5}, {"op": "lock", "slot": 2}])
    with pytest.raises(CanvasError):
        locked.apply([{"op": "remask", "slot": 2}])
    free = locked.apply([{"op": "unlock", "slot": 2}, {"op": "remask", "slot": 2}])
    assert free.open_positions == [2, 3, 4]


def test_committing_twice_is_refused() -> None:
    once = canvas().apply([{"op": "commit", "slot": 2, "token": 5}])
    with pytest.raises(CanvasError):
        once.apply([{"op": "commit", "slot": 2, "token": 6}])


def changed(*operations: dict[str, Any]) -> Canvas:
    """The canvas after filling slot 2, and then these."""
    return canvas().apply([{"op": "commit", "slot": 2, "token": 5, "by": "hand"}, *operations])


def test_each_operation_changes_its_slot_and_no_other() -> None:
    """Slots as (id, token, prompt, locked, by) after each."""
    prompt = [Slot(0, 1, prompt=True), Slot(1, 2, prompt=True)]
    rest = [Slot(3, MASK), Slot(4, MASK)]
    for operation, after in (
        ({"op": "edit", "slot": 2, "token": 6}, Slot(2, 6, by="auto")),
        ({"op": "remask", "slot": 2}, Slot(2, MASK)),
        ({"op": "lock", "slot": 2}, Slot(2, 5, locked=True, by="hand")),
    ):
        assert list(changed(operation).slots) == [*prompt, after, *rest]
    unlocked = changed({"op": "lock", "slot": 2}, {"op": "unlock", "slot": 2})
    assert list(unlocked.slots) == [*prompt, Slot(2, 5, by="hand"), *rest]
    assert changed({"op": "unlock", "slot": 2}).slots[2].locked is False


def test_new_places_stand_right_behind_theirs() -> None:
    found = changed({"op": "insert", "slot": 2, "new": [9, 8]})
    assert [slot.id for slot in found.slots] == [0, 1, 2, 9, 8, 3, 4]
    assert found.slots[3] == Slot(9, MASK)
    assert found.position_of == {0: 0, 1: 1, 2: 2, 9: 3, 8: 4, 3: 5, 4: 6}
    last = changed({"op": "insert", "slot": 4, "new": [9]})
    assert [slot.id for slot in last.slots][-2:] == [4, 9]


def test_surplus_places_stay_surplus_when_they_are_written() -> None:
    found = changed({"op": "insert", "slot": 4, "new": [9], "surplus": True})
    assert found.slots[-1] == Slot(9, MASK, surplus=True)
    assert found.apply([{"op": "commit", "slot": 9, "token": 3}]).slots[-1].surplus is True


@pytest.mark.parametrize(
    ("operation", "message"),
    [
        ({"op": "commit", "slot": 0, "token": 5}, "A prompt position cannot be changed."),
        ({"op": "commit", "slot": 99, "token": 5}, "There is no slot 99 in this state."),
        ({"op": "lock", "slot": 99}, "There is no slot 99 in this state."),
        ({"op": "insert", "slot": 99, "new": [9]}, "There is no slot 99 in this state."),
        ({"op": "commit", "slot": 3, "token": MASK}, "The mask token cannot be committed."),
        ({"op": "commit", "slot": 2, "token": 5}, "This position already holds a token."),
        ({"op": "edit", "slot": 3, "token": 5}, "A masked position has no token to edit."),
        ({"op": "insert", "slot": 2, "new": [3]}, "A new slot id is already in use."),
        ({"op": "nonsense", "slot": 2}, "Unknown operation 'nonsense'."),
    ],
)
def test_a_refusal_says_why(operation: dict[str, Any], message: str) -> None:
    with pytest.raises(CanvasError) as refused:
        changed(operation)
    assert str(refused.value) == message


def test_a_fault_is_one_of_the_operations_unless_it_names_another() -> None:
    assert CanvasError("wrong").field == "operations"


def test_a_slot_is_found_by_its_id() -> None:
    found = changed({"op": "delete", "slot": 3})
    assert found.slot(4) == Slot(4, MASK)
    with pytest.raises(CanvasError) as refused:
        found.slot(3)
    assert (str(refused.value), refused.value.field) == (
        "There is no slot 3 in this state.",
        "slot",
    )


def test_what_a_canvas_knows_of_its_places_holds_after_each_change() -> None:
    """Positions are taken over from the former canvas where no place came or went."""
    before = changed()
    known = before.places, before.position_of, before.open_positions, before.tokens
    for operation in (
        {"op": "commit", "slot": 3, "token": 4},
        {"op": "insert", "slot": 3, "new": [7]},
        {"op": "delete", "slot": 4},
    ):
        after = before.apply([operation])
        fresh = Canvas(after.slots, MASK, 2)
        for name in ("places", "position_of", "open_positions", "writable_positions", "tokens"):
            assert getattr(after, name) == getattr(fresh, name)
    assert known == (before.places, before.position_of, before.open_positions, before.tokens)
    assert (len(before), before.is_complete) == (5, False)
    done = before.apply([{"op": "commit", "slot": s, "token": 1} for s in (3, 4)])
    assert done.is_complete
    locked = before.apply([{"op": "lock", "slot": 3}])
    assert (locked.open_positions, locked.writable_positions) == ([3, 4], [4])


@pytest.mark.parametrize("op", ["edit", "remask", "delete"])
def test_a_locked_place_refuses_by_name(op: str) -> None:
    with pytest.raises(CanvasError) as refused:
        changed({"op": "lock", "slot": 2}, {"op": op, "slot": 2, "token": 6})
    assert str(refused.value) == "This position is locked. Unlock it first."
    assert refused.value.field == "slot"


def test_a_place_that_is_written_refuses_by_name() -> None:
    with pytest.raises(CanvasError) as refused:
        changed({"op": "commit", "slot": 2, "token": 6})
    assert refused.value.field == "slot"


def test_a_fold_keeps_the_prompt_s_length_and_the_places_it_has_counted() -> None:
    found = changed({"op": "insert", "slot": 2, "new": [9]})
    assert (found.prompt_length, found.mask_id) == (2, MASK)
    assert "position_of" in found.__dict__
