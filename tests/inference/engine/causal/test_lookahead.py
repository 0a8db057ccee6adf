"""Distributions of tokens ahead, and the score of a text, against transformers' own class."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
import torch

from inference.engine import checkpoint
from inference.engine.causal.engine import CausalEngine
from inference.engine.causal.lookahead import MOST, lookahead
from inference.engine.causal.sampling import Sampling
from inference.engine.causal.scores import perplexity, score_ids, score_line, score_text
from inference.engine.checkpoint import LoadedModel
from inference.engine.digest_view import DigestView
from inference.engine.errors import InputError
from tests.inference.engine.causal.tiny import CONTEXT, native_model, write_model

PROMPT = [7, 3, 250, 31, 8, 90]
PLAIN = Sampling(temperature=1.0)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> LoadedModel:
    return checkpoint.load(write_model(tmp_path_factory.mktemp("ahead")))


@pytest.fixture
def engine(model: LoadedModel) -> CausalEngine:
    return CausalEngine(model)


def test_ahead_are_the_tokens_that_a_step_at_a_time_comes_to(engine: CausalEngine) -> None:
    made = list(lookahead(engine, PROMPT, PLAIN, count=8))
    ids = list(PROMPT)
    for one in made:
        alone = engine.next_distribution(ids, 10, PLAIN)
        assert [c.token for c in one.candidates] == [c.token for c in alone]
        chances = [c.chance for c in alone]
        assert [c.chance for c in one.candidates] == pytest.approx(chances, abs=1e-5)
        assert one.chosen == alone[0].token
        ids.append(one.chosen)
    assert [one.seen for one in made] == list(range(6, 14))


def test_draws_are_those_of_a_generation_with_the_seed(engine: CausalEngine) -> None:
    warm = Sampling(temperature=1.2, top_k=20, seed=5)
    drawn = [one.chosen for one in lookahead(engine, PROMPT, warm, draws=True, count=8)]
    assert drawn == [one.token for one in engine.generate(PROMPT, warm, 8, end=False)]
    best = [one.chosen for one in lookahead(engine, PROMPT, warm, count=8)]
    assert drawn != best


def test_the_window_slides_over_longer_texts(engine: CausalEngine) -> None:
    text = (PROMPT * 20)[: CONTEXT + 5]
    made = list(lookahead(engine, text, PLAIN, count=3))
    assert [one.seen for one in made] == [CONTEXT] * 3
    whole = [*text, made[0].chosen, made[1].chosen]
    alone = engine.next_distribution(whole[-CONTEXT:], 10, PLAIN)
    assert [c.token for c in made[2].candidates] == [c.token for c in alone]
    # a place's random number is that of its place in the whole text, not in the window
    warm = Sampling(temperature=5.0, seed=1)
    assert len({one.chosen for one in lookahead(engine, text, warm, draws=True, count=12)}) > 3


def test_the_digest_is_the_whole_distribution(engine: CausalEngine) -> None:
    one = next(lookahead(engine, PROMPT, PLAIN))
    view = DigestView.from_bytes(one.digest)
    for temperature in (0.5, 1.0, 2.0):
        told = view.probabilities(temperature, 0)[:10]
        warm = engine.next_distribution(PROMPT, 10, Sampling(temperature=temperature))
        assert told == pytest.approx([c.chance for c in warm], abs=1e-3)
    assert one.entropy == pytest.approx(float(view.entropy()[0]), abs=1e-2)


def test_at_temperature_0_the_best_has_all(engine: CausalEngine) -> None:
    one = next(lookahead(engine, PROMPT, Sampling(temperature=0.0)))
    assert [c.chance for c in one.candidates] == [1.0] + [0.0] * 9


@pytest.mark.parametrize("count", [0, MOST + 1])
def test_counts_are_limited(engine: CausalEngine, count: int) -> None:
    with pytest.raises(InputError, match="count"):
        next(lookahead(engine, PROMPT, PLAIN, count=count))


def test_a_text_s_score_is_transformers_own_loss(engine: CausalEngine) -> None:
    ids = torch.tensor([PROMPT])
    native = native_model("llama")
    found = score_ids(engine, PROMPT)
    loss = float(native(input_ids=ids, labels=ids).loss.detach())
    assert found.perplexity == pytest.approx(math.exp(loss), rel=1e-4)
    assert found.nats == pytest.approx(-loss * (len(PROMPT) - 1), rel=1e-4)
    rows = native(input_ids=ids).logits[0, :-1].detach()
    for row, one, token in zip(rows, found.tokens[1:], PROMPT[1:], strict=True):
        assert one.rank == 1 + int((row > row[token]).sum())
        own = torch.distributions.Categorical(logits=row).entropy()
        assert one.entropy == pytest.approx(float(own), abs=1e-3)


def test_a_prompt_is_read_and_not_scored(engine: CausalEngine) -> None:
    whole = score_text(engine, "hello world", top=3)
    after = score_text(engine, " world", "hello", top=3)
    assert [one.token for one in whole.tokens][-len(after.tokens) :] == [
        one.token for one in after.tokens
    ]
    assert after.nats == pytest.approx(sum(whole.logprobs[-len(after.tokens) :]), rel=1e-4)
    assert all(a[1] >= b[1] for one in after.tokens for a, b in pairwise(one.top))


def test_of_long_texts_the_end_counts(engine: CausalEngine) -> None:
    found = score_ids(engine, [5] * (CONTEXT + 7))
    assert (len(found.tokens), found.left_out) == (CONTEXT, 7)
    assert perplexity([]) is None
    assert score_ids(engine, [5]).perplexity is None
    with pytest.raises(InputError):
        score_ids(engine, [])


def test_of_a_whole_text_every_token_counts(engine: CausalEngine) -> None:
    ids = [PROMPT[place % len(PROMPT)] for place in range(CONTEXT + 7)]
    found = score_ids(engine, ids, [5], whole=True)
    assert (len(found.logprobs), found.left_out) == (CONTEXT + 7, 0)
    by_line = [one.logprob for one in score_line(engine, ids, [5])]
    assert found.logprobs == pytest.approx(by_line, abs=1e-5)  # sums hang on where arrays lie
    with pytest.raises(InputError):
        score_ids(engine, [], whole=True)


def test_a_line_is_judged_as_it_was_written(engine: CausalEngine) -> None:
    """Beyond the context too, where the window slides."""
    prompt = (PROMPT * 20)[: CONTEXT - 3]
    made = list(lookahead(engine, prompt, PLAIN, count=8))
    line = [one.chosen for one in made]
    found = score_line(engine, line, prompt, top=10)
    assert [one.token for one in found] == line
    assert [one.logprob for one in found] == pytest.approx(
        [one.candidates[0].logprob for one in made], abs=1e-4
    )
    assert [one.entropy for one in found] == pytest.approx([o.entropy for o in made], abs=1e-3)
    assert {one.rank for one in found} == {1}
    assert len(score_line(engine, [5], [7] * (CONTEXT + 4))) == 1
