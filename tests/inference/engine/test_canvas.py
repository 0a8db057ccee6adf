"""Slots, operations and folding: what a session's history is made of."""

import pytest

from inference.engine.canvas import Canvas, CanvasError, fold

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
def test_what_does_not_fit_is_refused_and_named(operation: dict, field: str) -> None:
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
