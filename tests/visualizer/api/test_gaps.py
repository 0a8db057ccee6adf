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
from visualizer.worker.settled_text import gap_texts, generated_spans, settled_text

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
    assert told["usage"]["prompt_tokens"] == told["usage"]["total_tokens"] - 5
    assert told["usage"]["total_tokens"] < 25


class Written:
    """A canvas in the making: pieces of text with gaps of masks, which are then filled."""

    def __init__(self, model: Any, *parts: str | int) -> None:
        self.model, self.pieces = model, [one for one in parts if isinstance(one, str)]
        ids: list[int] = []
        for one in parts:
            ids += model.tokenizer.encode(one) if isinstance(one, str) else [self.mask] * one
        self.canvas = Canvas.start(ids, 0, self.mask)

    @property
    def mask(self) -> int:
        return int(self.model.spec.mask_id)

    def fill(self, *tokens: int | str | None) -> Written:
        """The first open places; None leaves one open. A text is one token."""
        ids = [self._id(one) if isinstance(one, str) else one for one in tokens]
        places = zip(self.canvas.open_positions, ids, strict=False)
        operations = [
            {"op": "commit", "slot": self.canvas.slots[place].id, "token": token}
            for place, token in places
            if token is not None
        ]
        self.canvas = self.canvas.apply(operations)
        return self

    def _id(self, text: str) -> int:
        (id,) = self.model.tokenizer.encode(text)
        return int(id)

    def text(self, **asked: Any) -> tuple[str, bool]:
        found = settled_text(self.model, self.canvas, revises=False, pieces=self.pieces, **asked)
        return found.text, found.ended


def test_an_end_of_text_ends_its_own_gap_only(stories: Any) -> None:
    """The user's own text behind it was left out of the answer."""
    end = min(stories.spec.end_ids)
    made = Written(stories, "Leo had a", 3, " kite. He", 2, " happy.")
    made.fill(" red", end, None, " was")
    assert made.text() == (" red kite. He was", False)
    made.fill(" old", " very")
    assert made.text(final=True) == (" red kite. He was very", False)
    assert gap_texts(stories, made.canvas, made.pieces, ()) == [" red", " was very"]


def test_a_stop_text_is_looked_for_in_the_gaps_only(stories: Any) -> None:
    made = Written(stories, "Leo had a", 2, " kite. He", 2, " happy.")
    made.fill(" red", " kite", " was", " very")
    assert made.text(stop=["kite"]) == (" red  kite. He was very", False)
    assert made.text(stop=["kite", "very"], final=True) == (" red  kite. He was ", True)
    assert gap_texts(stories, made.canvas, made.pieces, ["kite"]) == [" red ", " was very"]


def test_what_fills_a_block_up_is_no_text(stories: Any) -> None:
    made = Written(stories, "Leo had a", 1, " kite.")
    last = made.canvas.slots[-1].id
    fill = {"op": "insert", "slot": last, "new": [70, 71], "surplus": True}
    made.canvas = made.canvas.apply([fill])
    made.fill(" red", " was", " very")
    assert len(spans(made.canvas)) == 1
    assert made.text() == (" red", False)


def test_a_text_is_as_long_as_was_asked_for(ask: Any, worker: Any) -> None:
    """Tokens that fill a block model's last block were streamed as text and kept."""
    asked = {"recipe": "llada2/threshold", "block_length": 8, "max_new_tokens": 5}
    told = ask.post("generate", model="stories", prompt="Once upon a time", **asked).json()
    assert told["history"][-1] == "Once upon a time" + told["text"]
    assert told["usage"]["completion_tokens"] == 5
