"""Gaps: how many masks each gets, and which places are whose when some come and go."""

from __future__ import annotations

from typing import Any

import pytest

from inference import registry, runtime
from inference.engine.canvas import Canvas
from inference.engine.lengths import best_trial, quick_lengths
from inference.errors import UnmaskError
from visualizer.models import Generation
from visualizer.worker.gaps import ids_with_gaps
from visualizer.worker.settled_text import generated_spans

MASK = 9


def canvas(*tokens: int, gen_length: int = 0) -> Canvas:
    return Canvas.start(list(tokens), gen_length, MASK)


def spans(found: Canvas) -> list[tuple[int, int]]:
    return [(span.start, span.stop) for span in generated_spans(found)]


def test_places_are_told_by_gap() -> None:
    assert spans(canvas(1, 2, gen_length=3)) == [(2, 5)]
    assert spans(canvas(1, MASK, MASK, 2, MASK, 3)) == [(1, 3), (4, 5)]
    assert spans(canvas(MASK, 1, MASK)) == [(0, 1), (2, 3)]
    assert spans(canvas(1, 2)) == [(2, 2)]


def test_a_gap_that_was_deleted_is_still_one() -> None:
    gone = canvas(1, MASK, MASK, 2, MASK, 3).apply(
        [{"op": "delete", "slot": 1}, {"op": "delete", "slot": 2}]
    )
    assert spans(gone) == [(1, 1), (2, 3)]
    behind = canvas(1, MASK, 2, MASK).apply([{"op": "delete", "slot": 3}])
    assert spans(behind) == [(1, 2), (3, 3)]


def test_a_gap_that_grew_is_one() -> None:
    grown = canvas(1, MASK, 2).apply([{"op": "insert", "slot": 1, "new": [7, 8]}])
    assert spans(grown) == [(1, 4)]


@pytest.fixture
def stories(shipped: None) -> Any:
    return runtime.load(registry.resolve("stories"))


def test_a_length_is_found_by_the_model_s_own_likelihood(stories: Any) -> None:
    pieces = ["Leo had a red", " He was very happy."]
    before, behind = [stories.tokenizer.encode(piece) for piece in pieces]
    best = best_trial(quick_lengths(stories, before, behind, range(1, 9))).length
    ids = ids_with_gaps(stories, pieces, [0], 8)
    assert ids == [*before, *[stories.spec.mask_id] * best, *behind]


def test_given_and_found_lengths_may_stand_side_by_side(stories: Any) -> None:
    pieces = ["Leo had a", " kite. He", " happy."]
    texts = [stories.tokenizer.encode(piece) for piece in pieces]
    mask = stories.spec.mask_id
    ids = ids_with_gaps(stories, pieces, [2, 0], 6)
    assert ids[: len(texts[0]) + 2] == [*texts[0], mask, mask]
    found = ids.count(mask) - 2
    assert 1 <= found <= 6
    head = [*texts[0], mask, mask, *texts[1]]
    assert ids == [*head, *[mask] * found, *texts[2]]


def test_what_does_not_fit_is_refused(stories: Any) -> None:
    with pytest.raises(UnmaskError) as long:
        ids_with_gaps(stories, ["Leo", " was"], [500], 8)
    assert long.value.error_type == "validation"
    with pytest.raises(UnmaskError) as joined:
        ids_with_gaps(stories, ["Leo", "", " was"], [1, 1], 8)
    assert joined.value.field == "pieces"


@pytest.mark.parametrize("model", ["stories", "infill"])
def test_several_gaps_are_filled_and_told(ask: Any, worker: Any, model: str) -> None:
    text = "Leo had a red<gap> He looked for it<gap> He was happy."
    told = ask.post("infill", model=model, text=text, max_new_tokens=6).json()
    assert len(told["gaps"]) == 2
    first, second, third = text.split("<gap>")
    assert told["full_text"] == first + told["text"] + third
    assert told["text"] == told["gaps"][0] + second + told["gaps"][1]
    row = Generation.objects.get()
    assert row.settings["max_new_tokens"] == 6


def test_fixed_lengths_are_kept(ask: Any, worker: Any) -> None:
    asked = {"text": "Leo had<gap> kite. He<gap> happy.", "lengths": [2, 3]}
    told = ask.post("infill", model="stories", **asked).json()
    assert told["usage"]["completion_tokens"] == 5
