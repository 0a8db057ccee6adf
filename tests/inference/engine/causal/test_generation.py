"""Sampling, exact text, resuming, sharing, reuse: what a caller of the causal engine sees."""

from __future__ import annotations

import gc
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest
import torch
from torch import Tensor
from transformers import LogitsProcessorList
from transformers.generation import logits_process as hf

from inference.engine import checkpoint
from inference.engine.batching import Batcher
from inference.engine.causal import steps
from inference.engine.causal.engine import CausalEngine
from inference.engine.causal.pool import Turn
from inference.engine.causal.prefixes import PrefixStore
from inference.engine.causal.results import TokenResult
from inference.engine.causal.sampling import Sampling, adjusted, choose, filtered
from inference.engine.causal.text import StopTexts, TextStream
from inference.engine.checkpoint import LoadedModel
from inference.engine.errors import EngineError, InputError, StepTimeout
from tests.inference.engine.causal.tiny import CONTEXT, write_model

PROMPT = [7, 3, 250, 31, 8, 90]
WARM = Sampling(temperature=1.0, top_k=50, top_p=0.9, seed=3)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> LoadedModel:
    return checkpoint.load(write_model(tmp_path_factory.mktemp("causal")))


@pytest.fixture
def engine(model: LoadedModel) -> CausalEngine:
    return CausalEngine(model)


@pytest.fixture
def batcher() -> Iterator[Batcher]:
    batcher = Batcher(steps.step)
    yield batcher
    batcher.close()


def tokens(results: Iterator[TokenResult]) -> list[int]:
    return [one.token for one in results]


@pytest.mark.parametrize(
    "settings",
    [
        {"top_k": 5},
        {"top_p": 0.7},
        {"min_p": 0.2},
        {"temperature": 0.6, "top_k": 40, "top_p": 0.8, "min_p": 0.05},
        {"repetition_penalty": 1.7, "top_p": 0.95},
        {"repetition_penalty": 0.5, "logit_bias": {3: 2.5, 9: -4.0}},
    ],
    ids=lambda settings: "+".join(settings),
)
def test_the_filters_are_those_of_transformers(settings: dict[str, object]) -> None:
    logits = torch.randn(400, generator=torch.Generator().manual_seed(0)) * 3
    sampling = Sampling(**{"temperature": 1.0, **settings})  # type: ignore[arg-type]
    scaled, ids = filtered(adjusted(logits, sampling, PROMPT), sampling)
    mine = torch.zeros(400, dtype=torch.float64)
    places = torch.arange(400) if ids is None else ids
    mine[places] = scaled.double().softmax(-1)
    theirs = processors(sampling)(torch.tensor([PROMPT]), logits[None])[0].double().softmax(-1)
    assert (mine - theirs).abs().max() < 1e-6
    assert (mine > 0).equal(theirs > 0)


def processors(sampling: Sampling) -> LogitsProcessorList:
    chain: list[object] = []
    if sampling.logit_bias:
        bias = {(token,): value for token, value in sampling.logit_bias.items()}
        chain.append(hf.SequenceBiasLogitsProcessor(bias))
    chain += [
        hf.RepetitionPenaltyLogitsProcessor(sampling.repetition_penalty),
        hf.TemperatureLogitsWarper(sampling.temperature),
        hf.TopKLogitsWarper(sampling.top_k or 10**6),
        hf.TopPLogitsWarper(sampling.top_p),
        hf.MinPLogitsWarper(sampling.min_p),
    ]
    return LogitsProcessorList(chain)


def test_draws_follow_the_distribution() -> None:
    logits = torch.tensor([0.0, 1.0, 2.0, -1.0])
    drawn = Counter(choose(logits, Sampling(temperature=1.0, seed=n), [0]) for n in range(4000))
    expected = logits.softmax(-1).tolist()
    assert all(abs(drawn[n] / 4000 - share) < 0.03 for n, share in enumerate(expected))


def test_an_interrupted_answer_goes_on_with_the_same_tokens_and_text(engine: CausalEngine) -> None:
    whole = list(engine.generate(PROMPT, WARM, max_tokens=30, top=3, end=False))
    for cut in range(1, 30, 4):
        first = whole[:cut]
        ids = [*PROMPT, *(one.token for one in first)]
        rest = list(engine.generate(ids, WARM, 30, top=3, written=cut, end=False))
        assert [one.token for one in rest] == [one.token for one in whole[cut:]]
        assert [one.text for one in rest] == [one.text for one in whole[cut:]]
        assert rest[-1].finish == "length"


def test_the_same_seed_writes_the_same_alone_and_in_company(
    model: LoadedModel, batcher: Batcher
) -> None:
    """Requests join and leave at any token: lengths of prompts and answers differ."""
    jobs = [
        (PROMPT[: 1 + n % 6] * (1 + n % 3), Sampling(temperature=1.0, seed=n), 5 + 3 * n)
        for n in range(10)
    ]
    alone = [tokens(CausalEngine(model).generate(*job, end=False)) for job in jobs]
    shared = CausalEngine(model, run=batcher, submit=batcher.submit)
    with ThreadPoolExecutor(len(jobs)) as pool:
        company = list(pool.map(lambda job: tokens(shared.generate(*job, end=False)), jobs))
    assert company == alone
    assert batcher.stats.largest > 1


def test_logprobs_are_those_of_a_plain_forward(engine: CausalEngine) -> None:
    results = list(engine.generate(PROMPT, WARM, max_tokens=6, top=4, end=False))
    ids = [*PROMPT, *(one.token for one in results)]
    with torch.inference_mode():
        rows = engine.model.model(torch.tensor([ids])).logits[0].log_softmax(-1)
    for result in results:
        row = rows[result.position - 1]
        assert result.logprob == pytest.approx(float(row[result.token]), abs=1e-4)
        values, best = row.topk(4)
        assert [token for token, _ in result.top] == best.tolist()
        assert [value for _, value in result.top] == pytest.approx(values.tolist(), abs=1e-4)
    judged = engine.judge(ids, top=4)
    assert [one.token for one in judged] == ids
    assert judged[0].logprob is None
    for place, one in enumerate(judged[1:], 1):
        assert one.logprob == pytest.approx(float(rows[place - 1, ids[place]]), abs=1e-4)
        assert [token for token, _ in one.top] == rows[place - 1].topk(4).indices.tolist()


def test_a_long_text_is_judged_and_read_in_pieces(
    model: LoadedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = [(7 * n) % 250 for n in range(CONTEXT)]
    whole = CausalEngine(model).judge(ids)
    expected = CausalEngine(model).next_distribution(ids[:60], 3)
    monkeypatch.setattr(steps, "PIECE", 16)
    monkeypatch.setattr("inference.engine.causal.engine.PIECE", 16)
    pieces = CausalEngine(model)
    values = [one.logprob for one in pieces.judge(ids)[1:]]
    assert values == pytest.approx([one.logprob for one in whole[1:]], abs=1e-4)
    found = pieces.next_distribution(ids[:60], 3)
    assert [one.token for one in found] == [one.token for one in expected]


def test_chances_are_those_of_the_settings(engine: CausalEngine) -> None:
    one, two, three = engine.next_distribution(
        PROMPT, 3, Sampling(temperature=0.5, top_k=2, logit_bias={})
    )
    assert one.chance + two.chance == pytest.approx(1.0)
    assert one.chance / two.chance == pytest.approx(
        float(torch.tensor(2 * (one.logprob - two.logprob)).exp()), rel=1e-4
    )
    assert three.chance == 0.0
    drawn = next(engine.generate(PROMPT, Sampling(temperature=0.5, top_k=2, seed=1)))
    assert drawn.token in (one.token, two.token)


def test_what_was_computed_is_reused_by_its_beginning(engine: CausalEngine) -> None:
    written = tokens(engine.generate(PROMPT * 6, max_tokens=8, end=False))
    expected = tokens(CausalEngine(engine.model).generate([*PROMPT * 5, 1, 2], max_tokens=8))
    sequence = engine.pool.open([*PROMPT * 5, 1, 2])
    engine.logits(sequence)
    assert engine.store.stats()["hits"] == 1
    sequence.close()
    assert tokens(engine.generate([*PROMPT * 5, 1, 2], max_tokens=8)) == expected
    assert tokens(engine.generate(PROMPT * 6, max_tokens=8, end=False)) == written


def test_the_store_stays_within_its_bytes_and_forgets_the_oldest(model: LoadedModel) -> None:
    one = CausalEngine(model, PrefixStore(2**30))
    list(one.generate(PROMPT, max_tokens=10, end=False))
    size = one.store.bytes
    store = PrefixStore(2 * size + size // 2)
    engine = CausalEngine(model, store)
    for first in range(5):
        list(engine.generate([first, *PROMPT[1:]], max_tokens=10, end=False))
        assert store.bytes <= store.limit
    assert store.find(model.key, [0, *PROMPT]) is None
    assert store.find(model.key, [4, *PROMPT]) is not None
    assert store.find("another model", [4, *PROMPT]) is None
    store.drop(model.key)
    assert store.stats()["bytes"] == store.stats()["entries"] == 0


def test_more_sequences_than_slots_take_turns(model: LoadedModel) -> None:
    """Who waits longest gives its slot up and finds its cache again."""
    engine = CausalEngine(model)
    engine.pool.slots.limit = 2
    answers = [engine.generate([n, *PROMPT], WARM, 12, end=False) for n in range(5)]
    woven: list[list[int]] = [[] for _ in answers]
    for _ in range(12):
        for answer, row in zip(answers, woven, strict=True):
            row.append(next(answer).token)
    fresh = CausalEngine(model)
    assert woven == [tokens(fresh.generate([n, *PROMPT], WARM, 12, end=False)) for n in range(5)]


def test_buffers_are_packed_when_memory_is_short(model: LoadedModel, batcher: Batcher) -> None:
    engine = CausalEngine(model, run=batcher, submit=batcher.submit, slot_bytes=1)
    jobs = [([n, *PROMPT], Sampling(temperature=1.0, seed=n), 10) for n in range(4)]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda job: tokens(engine.generate(*job, end=False)), jobs))
    assert found == [tokens(CausalEngine(model).generate(*job, end=False)) for job in jobs]


def test_nothing_is_held_when_all_are_done(engine: CausalEngine) -> None:
    answer = engine.generate(PROMPT, max_tokens=20, end=False)
    next(answer)
    assert engine.pool.slots.used == {0}
    answer.close()
    assert engine.pool.slots.used == set()
    assert engine.pool.slots.planned_bytes() == 0


def test_text_holds_a_character_back_until_it_is_whole(model: LoadedModel) -> None:
    assert model.tokenizer is not None
    text = "naïve 漢字 😀 e\u0301"
    ids = model.tokenizer.encode(text)
    stream = TextStream(model.tokenizer)
    pushed = [stream.push(token) for token in ids]
    assert "".join(pushed) == text
    assert stream.flush() == ""
    assert all("\ufffd" not in part for part in pushed)
    assert pushed.count("") == len("naïve漢字😀\u0301".encode()) - len("naïve漢字😀\u0301")
    cut = TextStream(model.tokenizer)
    assert cut.push(ids[-1]) == "\ufffd"  # the second half of a character alone
    assert cut.push(model.tokenizer.encode("é")[0]) == ""
    assert cut.flush() == "\ufffd"
    mark = model.tokenizer.id_of("<|im_end|>")
    assert mark is not None
    assert cut.push(mark) == ""


def test_stop_texts_are_found_over_token_borders() -> None:
    stops = StopTexts(["\nUser:", "END"])
    parts = ["Hello", " E", "N", "x", "\nU", "se", "r", ": no"]
    shown = [stops.push(part) for part in parts]
    assert "".join(text for text, _ in shown) == "Hello ENx"
    assert [ended for _, ended in shown] == [False] * 7 + [True]
    assert [text for text, _ in shown[:4]] == ["Hello", " ", "", "ENx"]
    waiting = StopTexts(["abc"])
    assert waiting.push("zab") == ("z", False)
    assert waiting.flush() == "ab"


def test_a_stop_text_ends_an_answer_and_is_not_part_of_it(engine: CausalEngine) -> None:
    whole = list(engine.generate(PROMPT, max_tokens=40, end=False))
    text = "".join(one.text for one in whole)
    stop = text[len(text) // 2 :][:3]
    results = list(engine.generate(PROMPT, Sampling(stop=[stop]), max_tokens=40, end=False))
    assert "".join(one.text for one in results) == text[: text.index(stop)]
    assert results[-1].finish == "stop"
    assert len(results) < len(whole)


def test_an_end_token_ends_an_answer_without_text(engine: CausalEngine) -> None:
    end = next(iter(engine.stop_ids))
    results = list(engine.generate(PROMPT, Sampling(logit_bias={end: 1e4}), max_tokens=5))
    assert [(one.token, one.text, one.finish) for one in results] == [(end, "", "stop")]


def test_an_answer_ends_with_the_context(engine: CausalEngine) -> None:
    results = list(engine.generate(PROMPT * 15, end=False))
    assert len(results) == CONTEXT - 90
    assert results[-1].finish == "length"
    assert list(engine.generate([1] * CONTEXT)) == []


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ({"ids": []}, "prompt"),
        ({"ids": [1] * (CONTEXT + 1)}, "prompt"),
        ({"ids": [10**6]}, "token_ids"),
        ({"ids": [-1]}, "token_ids"),
        ({"ids": [1], "written": 2}, "written"),
        ({"ids": [1], "top": -1}, "top"),
        ({"ids": [1], "sampling": Sampling(temperature=-1)}, "temperature"),
        ({"ids": [1], "sampling": Sampling(temperature=float("nan"))}, "temperature"),
        ({"ids": [1], "sampling": Sampling(top_p=0)}, "top_p"),
        ({"ids": [1], "sampling": Sampling(top_k=-1)}, "top_k"),
        ({"ids": [1], "sampling": Sampling(repetition_penalty=0)}, "repetition_penalty"),
        ({"ids": [1], "sampling": Sampling(logit_bias={999: 1.0})}, "logit_bias"),
        ({"ids": [1], "sampling": Sampling(logit_bias={1: float("inf")})}, "logit_bias"),
        ({"ids": [1], "sampling": Sampling(stop=[""])}, "stop"),
    ],
)
def test_wrong_requests_are_refused_by_field(
    engine: CausalEngine, arguments: dict[str, object], field: str
) -> None:
    with pytest.raises(InputError) as caught:
        next(engine.generate(**arguments))  # type: ignore[arg-type]
    assert caught.value.field == field


def test_logits_that_are_not_finite_are_an_error(tmp_path: Path) -> None:
    model = checkpoint.load(write_model(tmp_path))
    with torch.no_grad():
        model.model.lm_head.weight[5] = float("nan")
    with pytest.raises(EngineError, match="not finite"):
        next(CausalEngine(model).generate(PROMPT))


def test_a_model_of_another_kind_is_refused(model: LoadedModel) -> None:
    from dataclasses import replace

    other = replace(model, spec=replace(model.spec, attention="full"))
    with pytest.raises(InputError, match="left to right"):
        CausalEngine(other)


def test_a_step_that_does_not_end_holds_nobody_up(
    model: LoadedModel, batcher: Batcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its caller is told in time, others are refused in time, and once it ends all goes on."""
    monkeypatch.setattr(steps, "PATIENCE", 0.1)
    release, usual = threading.Event(), steps.Pool._forward

    def stuck(pool: steps.Pool, *rest: object) -> torch.Tensor:
        release.wait(30)
        return usual(pool, *rest)  # type: ignore[arg-type]

    engine = CausalEngine(model, run=partial(batcher_call, batcher), submit=batcher.submit)
    monkeypatch.setattr(steps.Pool, "_forward", stuck)
    with pytest.raises(StepTimeout):
        next(engine.generate(PROMPT, max_tokens=3))
    with pytest.raises(EngineError, match="does not end"):
        next(engine.generate(PROMPT, max_tokens=3))
    monkeypatch.setattr(steps.Pool, "_forward", usual)
    release.set()
    with engine.pool.lock:
        pass
    expected = tokens(CausalEngine(model).generate(PROMPT, max_tokens=5, end=False))
    assert tokens(engine.generate(PROMPT, max_tokens=5, end=False)) == expected
    assert engine.pool.slots.used == set()


def batcher_call(batcher: Batcher, model: LoadedModel, turns: list[Turn]) -> list[Tensor]:
    return batcher(model, turns, 0.3)  # type: ignore[arg-type]


def test_a_step_that_fails_leaves_no_memory_behind(
    engine: CausalEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = engine.generate(PROMPT, max_tokens=8, end=False)
    first = [next(answer).token for _ in range(3)]
    other = engine.generate([5, *PROMPT], max_tokens=8, end=False)
    next(other)

    def full(*_: object) -> None:
        raise MemoryError

    usual = steps.Pool._forward
    monkeypatch.setattr(steps.Pool, "_forward", full)
    with pytest.raises(MemoryError):
        next(other)
    assert engine.pool.slots.planned_bytes() == 0
    monkeypatch.setattr(steps.Pool, "_forward", usual)
    whole = first + tokens(answer)
    assert whole == tokens(CausalEngine(engine.model).generate(PROMPT, max_tokens=8, end=False))


def test_slots_of_sequences_that_nobody_holds_are_freed(engine: CausalEngine) -> None:
    lost = engine.pool.open(PROMPT)
    engine.logits(lost)
    assert engine.pool.slots.used == {0}
    del lost
    gc.collect()
    list(engine.generate([9, 8, 7], max_tokens=2, end=False))
    assert engine.pool.slots.used == set()
