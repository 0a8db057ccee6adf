"""Estimates over masked copies, and the search for the length of a gap."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import combinations

import pytest
import torch
from torch import Tensor

from inference.engine.checkpoint import LoadedModel
from inference.engine.errors import InputError
from inference.engine.forward import Request, forward_many, logits
from inference.engine.lengths import best_trial, infill_canvas, quick_lengths, run_lengths
from inference.engine.likelihood import log_likelihood, masked_copies, token_log_likelihoods
from tests.inference.engine.models import MASK

Tiny = Callable[[str], LoadedModel]
PROMPT, ANSWER = [1, 2, 3], [7, 8, 9]


def _exact(model: LoadedModel) -> float:
    """The bound itself: the mean over all numbers and choices of masked answer tokens."""
    total = 0.0
    size = len(ANSWER)
    for count in range(1, size + 1):
        choices = list(combinations(range(size), count))
        for hidden in choices:
            ids = PROMPT + [MASK if i in hidden else t for i, t in enumerate(ANSWER)]
            rows = [len(PROMPT) + i for i in hidden]
            logp = logits(model, ids, rows).log_softmax(-1)
            picked = sum(float(logp[j, ANSWER[i]]) for j, i in enumerate(hidden))
            total += picked * size / count / len(choices) / size
    return total


def test_the_estimate_meets_the_bound(tiny: Tiny) -> None:
    model = tiny("llada")
    estimate = log_likelihood(model, PROMPT, ANSWER, samples=600, seed=4)
    assert estimate.samples == 600
    assert estimate.value == pytest.approx(_exact(model), abs=4 * estimate.error)
    assert estimate.error < 1.0


def test_equal_seeds_give_equal_estimates(tiny: Tiny) -> None:
    model = tiny("llada")
    first, again, other = (log_likelihood(model, PROMPT, ANSWER, 16, seed=s) for s in (1, 1, 2))
    assert first == again
    assert first != other


@pytest.mark.parametrize("samples", [1, 5, 12])
def test_copies_hide_answer_tokens_only(samples: int) -> None:
    clean = torch.arange(1, 9)
    generator = torch.Generator().manual_seed(0)
    noisy, ratios = masked_copies(clean, 3, MASK, samples, generator)
    hidden = noisy == MASK
    assert not hidden[:, :3].any()
    assert torch.allclose(hidden.sum(-1) / 5, ratios)
    assert (hidden.sum(-1) >= 1).all()


def test_an_empty_answer_is_refused(tiny: Tiny) -> None:
    with pytest.raises(InputError):
        log_likelihood(tiny("llada"), PROMPT, [])


def test_only_the_gap_is_open() -> None:
    canvas = infill_canvas([1, 2], 3, [4], MASK)
    assert canvas.open_positions == [2, 3, 4]
    assert canvas.tokens == [1, 2, MASK, MASK, MASK, 4]


def test_quick_scores_follow_the_definition(tiny: Tiny) -> None:
    model = tiny("llada")
    trials = quick_lengths(model, [1, 2], [4], [1, 4])
    ids = infill_canvas([1, 2], 4, [4], MASK).tokens
    probs = logits(model, ids, range(2, 6)).softmax(-1)
    probs[:, MASK] = 0
    assert trials[1].score == pytest.approx(float(probs.amax(-1).log().mean()), abs=1e-4)


def test_whole_runs_tell_their_tokens(tiny: Tiny) -> None:
    trials = run_lengths(tiny("llada"), [1, 2], [4], [2, 3])
    assert [len(trial.tokens or ()) for trial in trials] == [2, 3]
    assert all(math.isfinite(trial.score) and MASK not in (trial.tokens or ()) for trial in trials)
    assert best_trial(trials).score == max(trial.score for trial in trials)


def test_the_steps_of_all_lengths_share_their_forwards(tiny: Tiny) -> None:
    """As many forwards as the longest run has steps, and the tokens of runs made one by one."""
    model, sizes = tiny("llada"), []

    def counted(model: LoadedModel, requests: Sequence[Request]) -> list[Tensor]:
        sizes.append(len(requests))
        return forward_many(model, requests)

    joined = run_lengths(model, [1, 2], [4], [1, 3, 2], forward=counted)
    assert sizes == [3, 2, 1]
    alone = [run_lengths(model, [1, 2], [4], [length])[0] for length in (1, 3, 2)]
    assert [trial.tokens for trial in joined] == [trial.tokens for trial in alone]
    assert [t.score for t in joined] == pytest.approx([t.score for t in alone], abs=1e-4)


def test_a_run_that_fails_does_not_keep_the_others_waiting(tiny: Tiny) -> None:
    def fails(model: LoadedModel, requests: Sequence[Request]) -> list[Tensor]:
        raise InputError("No.", "model")

    with pytest.raises(InputError, match="No"):
        run_lengths(tiny("llada"), [1], [2], [1, 2], forward=fails)
    with pytest.raises(InputError, match="recipe"):
        run_lengths(tiny("llada"), [1], [2], [1, 2], recipe="no/such recipe")


@pytest.mark.parametrize("lengths", [[], [0, 3]])
def test_lengths_must_be_positive(lengths: list[int], tiny: Tiny) -> None:
    with pytest.raises(InputError) as caught:
        quick_lengths(tiny("llada"), [1], [2], lengths)
    assert caught.value.field == "lengths"


def test_a_token_is_judged_by_what_stands_around_it(tiny: Tiny) -> None:
    """Against one plain pass for each token, masked by hand."""
    model = tiny("llada")
    for left in (False, True):
        found = token_log_likelihoods(model, PROMPT, ANSWER, left_to_right=left, batch=2)
        assert len(found) == len(ANSWER)
        for place, value in enumerate(found):
            hidden = range(place, len(ANSWER)) if left else [place]
            ids = PROMPT + [MASK if n in hidden else t for n, t in enumerate(ANSWER)]
            row = logits(model, ids, [len(PROMPT) + place])[0].log_softmax(-1)
            assert value == pytest.approx(float(row[ANSWER[place]]), abs=1e-4)
    with pytest.raises(InputError):
        token_log_likelihoods(model, PROMPT, [])
