"""How large a record may be: what the site makes comes in, what only keeps it busy does not."""

from __future__ import annotations

from typing import Any

import pytest

from inference.errors import UnmaskError
from visualizer.records.checks import checked
from visualizer.records.schema import Record
from visualizer.records.sizes import LINE_WORK, MOST_PLACES, check_sizes

RUN = {"id": 1, "parameters": {}}
Operations = list[dict[str, Any]]


def record_of(
    prompt: int, places: int, steps: list[Operations], by: str = "run", branches: int = 1
) -> Record:
    """A record whose branches, all from the start, have these steps."""
    rows = [
        {
            "number": number, "recipe": "dreamon", "by": by, "operations": operations,
            "settings": {}, "timings": {}, "run": RUN if by == "run" else None, "created": "",
        }
        for number, operations in enumerate(steps, 1)
    ]  # fmt: skip
    return checked(
        {
            "format": "unmask.session",
            "version": 1,
            "session": {
                "id": "x", "title": "x", "created": "", "prompt": "", "prompt_ids": [1] * prompt,
                "gen_length": places, "block_length": 1, "mask_id": 2, "seed": 0, "settings": {},
                "head": {"branch": 1, "number": 0},
            },
            "model": {"slug": "x", "label": "x"},
            "branches": [
                {
                    "id": index, "name": "x", "parent": 1 if index > 1 else None,
                    "fork_number": 0, "marked": False, "pruned": False, "steps": rows,
                    "forwards": [],
                }
                for index in range(1, branches + 1)
            ],
        }
    )  # fmt: skip


def insert(*new: int) -> Operations:
    return [{"op": "insert", "slot": 0, "new": list(new)}]


def delete(slot: int) -> Operations:
    return [{"op": "delete", "slot": slot}]


DREAMON = [insert(2000 + n) for n in range(1000)] + [delete(2000 + n) for n in range(1000)]
"""From 24 places to 1024 and back, one a step."""


def test_long_runs_that_change_the_length_come_in() -> None:
    check_sizes(record_of(1000, 24, DREAMON, branches=12), 2048)


def test_a_long_prompt_with_as_many_steps_as_places_comes_in() -> None:
    check_sizes(record_of(31_000, 1024, [[]] * 1024, branches=4), 32_768)


def test_a_step_of_a_run_may_leave_the_context_once() -> None:
    beyond = insert(500, 501, 502)  # three open places became two each
    check_sizes(record_of(60, 40, [beyond, delete(500)]), 101)
    for steps in ([beyond, insert(503)], [insert(*range(500, 601))]):
        with pytest.raises(UnmaskError) as refused:
            check_sizes(record_of(60, 40, steps), 101)
        assert refused.value.field == "branches.0.steps"


def test_a_step_of_a_run_may_grow_a_short_canvas_up_to_the_context() -> None:
    """DAEDAL adds eight masks to four, and cuts what exceeds its bound."""
    check_sizes(record_of(4, 4, [insert(*range(500, 520))]), 28)
    check_sizes(record_of(4, 4, [insert(*range(500, 520)) + delete(7)]), 27)
    with pytest.raises(UnmaskError):
        check_sizes(record_of(4, 4, [insert(*range(500, 520))]), 27)


def test_by_hand_a_canvas_grows_up_to_the_context() -> None:
    check_sizes(record_of(60, 40, [insert(500)], by="manual"), 101)
    with pytest.raises(UnmaskError, match="has 102 tokens; the model takes 101"):
        check_sizes(record_of(60, 40, [insert(500, 501)], by="manual"), 101)


@pytest.mark.parametrize(
    ("steps", "branches"),
    [
        ([[{"op": "delete", "slot": n} for n in range(400)]], 1),
        ([insert(100_000 + n) for n in range(400)], 1),
        ([[]] * (LINE_WORK // 65_000), 1),
        ([[]], 100),
    ],
    ids=["deletes", "inserts", "steps", "branches"],
)
def test_work_without_end_is_refused(steps: list[Operations], branches: int) -> None:
    with pytest.raises(UnmaskError, match="too large to be shown") as refused:
        check_sizes(record_of(65_536 - 1, 1, steps, branches=branches), 0)
    assert str(refused.value.field).endswith(".steps")


def test_without_a_known_context_the_limits_of_a_session_count() -> None:
    check_sizes(record_of(MOST_PLACES - 1024, 1024, []), 0)
    with pytest.raises(UnmaskError) as refused:
        check_sizes(record_of(MOST_PLACES - 1024, 1024, [insert(99_999)], by="manual"), 0)
    assert refused.value.field == "branches.0.steps"
