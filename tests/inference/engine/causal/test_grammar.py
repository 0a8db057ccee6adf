"""Grammars over texts that grow at their end: the answer matches within its tokens, or says why."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from inference.engine import checkpoint
from inference.engine.causal.engine import CausalEngine
from inference.engine.causal.results import TokenResult
from inference.engine.causal.sampling import Sampling
from inference.engine.errors import InputError
from inference.engine.grammar.compiler import Grammar
from tests.inference.engine.causal.tiny import write_model

HELLO = "hello world"


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> CausalEngine:
    path: Path = write_model(tmp_path_factory.mktemp("causal") / "plain", "llama")
    return CausalEngine(checkpoint.load(path, "cpu"))


def answer(engine: CausalEngine, pattern: str, most: int, **more: Any) -> list[TokenResult]:
    assert engine.model.tokenizer is not None
    ids = engine.model.tokenizer.encode(HELLO)
    sampling = Sampling(grammar=Grammar(regex=pattern), **more)
    return list(engine.generate(ids, sampling, most))


def text(tokens: list[TokenResult]) -> str:
    return "".join(one.text for one in tokens)


@pytest.mark.parametrize("pattern", ["[a-z]{3}", "(yes|no)", "[a-z]+ [a-z]+", "é{2}", "(ab)*"])
@pytest.mark.parametrize("temperature", [0.0, 2.0])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_answer_matches(
    engine: CausalEngine, pattern: str, temperature: float, seed: int
) -> None:
    found = answer(engine, pattern, 12, temperature=temperature, seed=seed)
    assert re.fullmatch(pattern, text(found)), text(found)
    assert len(found) <= 12


def test_an_answer_that_can_only_end_ends_at_once(engine: CausalEngine) -> None:
    found = answer(engine, "a", 12)
    assert text(found) == "a"
    assert found[-1].finish == "stop"


def test_probabilities_are_those_of_the_model(engine: CausalEngine) -> None:
    [first, *_] = answer(engine, "[xyz]{4}", 8)
    assert engine.model.tokenizer is not None
    ids = engine.model.tokenizer.encode(HELLO)
    judged = engine.judge([*ids, first.token])[-1]
    assert judged.logprob == pytest.approx(first.logprob, abs=1e-5)


def test_it_goes_on_after_an_interruption(engine: CausalEngine) -> None:
    whole = answer(engine, "[a-z]{3} [a-z]{3}", 16, temperature=1.0, seed=4)
    assert engine.model.tokenizer is not None
    ids = engine.model.tokenizer.encode(HELLO) + [one.token for one in whole[:2]]
    sampling = Sampling(grammar=Grammar(regex="[a-z]{3} [a-z]{3}"), temperature=1.0, seed=4)
    rest = list(engine.generate(ids, sampling, 16, written=2))
    assert [one.token for one in rest] == [one.token for one in whole[2:]]


@pytest.mark.parametrize(("pattern", "most"), [("[0-9]{20}", 3), ("(", 3), ("(?=a)a", 3)])
def test_what_cannot_match_is_refused_by_name(
    engine: CausalEngine, pattern: str, most: int
) -> None:
    with pytest.raises(InputError) as caught:
        answer(engine, pattern, most)
    assert caught.value.field == "regex"
