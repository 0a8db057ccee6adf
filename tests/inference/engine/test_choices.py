"""Joint log-probabilities of given choices, against single forwards."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
import torch

from inference.engine import choices
from inference.engine.checkpoint import LoadedModel
from inference.engine.choices import joint_logprobs, questions
from inference.engine.errors import InputError
from inference.engine.forward import forward_many, logits
from tests.inference.engine.models import MASK

Tiny = Callable[[str], LoadedModel]
BEFORE, BEHIND = (1, 2, 3), (4, 5)


def by_hand(model: LoadedModel, choice: Sequence[int]) -> float:
    """The chain rule, one forward for each token."""
    total = 0.0
    for at, token in enumerate(choice):
        middle = [*choice[:at], *[MASK] * (len(choice) - at)]
        row = logits(model, [*BEFORE, *middle, *BEHIND], [len(BEFORE) + at])[0].clone()
        row[MASK] = -torch.inf
        total += float(row.log_softmax(-1)[token])
    return total


@pytest.mark.parametrize("family", ["llada", "dream"])
def test_choices_of_any_length_have_the_joint_likelihood(tiny: Tiny, family: str) -> None:
    model = tiny(family)
    place = [(7,), (8,), (9, 10), (9, 11, 12)]
    scored = joint_logprobs(model, [BEFORE, BEHIND], [place])
    assert scored.logprobs[0] == pytest.approx([by_hand(model, one) for one in place], abs=1e-4)
    assert scored.forwards == 1


def test_choices_of_one_token_are_one_row_wherever_they_are(tiny: Tiny) -> None:
    places = [[(7,), (8,)], [(9,), (10,), (11,)]]
    scored = joint_logprobs(tiny("llada"), [BEFORE, BEHIND, ()], places)
    assert (scored.rows, scored.forwards) == (1, 1)
    ids = [*BEFORE, MASK, *BEHIND, MASK]
    both = logits(tiny("llada"), ids, [len(BEFORE), len(ids) - 1]).clone()
    both[:, MASK] = -torch.inf
    expected = both.log_softmax(-1)
    assert scored.logprobs[0] == pytest.approx([float(expected[0, i]) for i in (7, 8)], abs=1e-5)
    assert scored.logprobs[1][2] == pytest.approx(float(expected[1, 11]), abs=1e-5)


def test_other_places_stand_masked_with_their_shortest_choice() -> None:
    made = questions([(1,), (2,), ()], [[(7,), (8, 9)], [(5, 6)]], MASK)
    assert set(made.canvases) == {
        (1, MASK, 2, MASK, MASK),
        (1, MASK, MASK, 2, MASK, MASK),
        (1, 8, MASK, 2, MASK, MASK),
        (1, MASK, 2, 5, MASK),
    }


def test_long_questions_take_several_forwards(tiny: Tiny, monkeypatch: Any) -> None:
    place = [(7,), (9, 10), (9, 11, 12)]
    whole = joint_logprobs(tiny("llada"), [BEFORE, BEHIND], [place])
    monkeypatch.setattr(choices, "FORWARD_TOKENS", 20)
    sizes = []

    def counted(model: LoadedModel, requests: Any) -> Any:
        sizes.append(len(requests))
        return forward_many(model, requests)

    parts = joint_logprobs(tiny("llada"), [BEFORE, BEHIND], [place], counted)
    assert (parts.forwards, max(sizes), sum(sizes)) == (len(sizes), 2, whole.rows)
    assert parts.logprobs[0] == pytest.approx(whole.logprobs[0], abs=1e-4)


def test_what_cannot_be_decided_is_refused(tiny: Tiny, monkeypatch: Any) -> None:
    with pytest.raises(InputError, match="no token"):
        joint_logprobs(tiny("llada"), [BEFORE, BEHIND], [[(7,), ()]])
    monkeypatch.setattr(choices, "MOST_ROWS", 2)
    with pytest.raises(InputError, match="rows"):
        joint_logprobs(tiny("llada"), [BEFORE, BEHIND], [[(7, 8, 9), (7, 9)]])
