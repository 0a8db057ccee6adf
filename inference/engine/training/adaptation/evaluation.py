"""What an adapted model is worth beside its parent: questions, and texts judged by the parent."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from statistics import fmean
from typing import Any

import torch
from torch import Tensor

from inference.engine.block_cache import BlockForward
from inference.engine.canvas import Canvas
from inference.engine.causal.engine import CausalEngine
from inference.engine.causal.prefixes import PrefixStore
from inference.engine.chat_template import conversation_ids
from inference.engine.checkpoint import LoadedModel
from inference.engine.decoding.loop import generate
from inference.engine.forward import Request, forward_many
from inference.engine.reduce import best_token
from inference.engine.training.adaptation.documents import Document
from inference.engine.training.adaptation.questions import QUESTIONS
from inference.engine.training.adaptation.ways import Way, way_of

LENGTH = 32
"""Tokens of an answer at most."""
STORE_BYTES = 64 * 2**20
GAPS_A_TEXT = 4
"""Tokens of a held-out text that are hidden, one at a time."""


@dataclass(frozen=True)
class Answer:
    """An answer without its end, and how many steps it took."""

    question: str
    text: str
    ids: list[int]
    steps: int


@dataclass(frozen=True)
class Measured:
    """One way of answering: `right` of `asked` questions; nats a token under the parent.

    `distinct`: share of the pairs of tokens that are different. `steps`: tokens a step on average.
    """

    right: int
    asked: int
    nats: float | None
    distinct: float
    tokens_per_step: float


def _prompt(model: LoadedModel, question: str) -> list[int]:
    return conversation_ids(model, [{"role": "user", "content": question}])


def parent_answers(engine: CausalEngine, questions: Sequence[str]) -> list[Answer]:
    """Greedy answers, token by token from the left."""
    found = []
    for question in questions:
        ids = _prompt(engine.model, question)
        results = list(engine.generate(ids, max_tokens=LENGTH))
        tokens = [one.token for one in results if one.token not in engine.stop_ids]
        found.append(Answer(question, "".join(r.text for r in results), tokens, len(results)))
    return found


def twin_answers(twin: LoadedModel, questions: Sequence[str], way: Way) -> list[Answer]:
    """Answers by denoising."""
    assert twin.tokenizer is not None
    assert twin.spec.mask_id is not None
    forward, found = BlockForward(PrefixStore(STORE_BYTES)), []
    settings = {**way.parameters, "temperature": 0.0}
    for question in questions:
        ids = _prompt(twin, question)
        canvas = Canvas.start(ids, LENGTH, twin.spec.mask_id)
        steps = list(generate(twin, canvas, way.recipe, settings, 0, forward=forward))
        answer = steps[-1].canvas.tokens[len(ids) : len(ids) + LENGTH]
        ends = [place for place, token in enumerate(answer) if token in twin.spec.end_ids]
        kept = answer[: ends[0]] if ends else answer
        found.append(Answer(question, twin.tokenizer.decode(kept), kept, len(steps)))
    return found


def measured(engine: CausalEngine, answers: Sequence[Answer]) -> Measured:
    """Judged by the parent's engine, and against the wanted words."""
    wanted = dict(QUESTIONS)
    right = sum(holds(one.text, wanted[one.question]) for one in answers)
    return Measured(
        right=right,
        asked=len(answers),
        nats=_nats(engine, answers),
        distinct=fmean(distinct(one.ids) for one in answers),
        tokens_per_step=fmean(len(one.ids) / max(1, one.steps) for one in answers),
    )


def holds(text: str, word: str) -> bool:
    """Whether a text holds a word as a word."""
    return re.search(rf"\b{re.escape(word)}\b", text.lower()) is not None


def _nats(engine: CausalEngine, answers: Sequence[Answer]) -> float | None:
    """Mean nats a token that the parent gives the answers; None when all are empty."""
    found: list[float] = []
    for one in answers:
        ids = _prompt(engine.model, one.question)
        judged = engine.judge([*ids, *one.ids])[len(ids) :]
        found += [-token.logprob for token in judged if token.logprob is not None]
    return fmean(found) if found else None


def distinct(ids: Sequence[int]) -> float:
    """The share of different pairs of neighbours among all; 1 for fewer than two tokens."""
    pairs = list(itertools.pairwise(ids))
    return len(set(pairs)) / len(pairs) if pairs else 1.0


def gap_hits(
    parent: LoadedModel, twin: LoadedModel, documents: Sequence[Document]
) -> dict[str, int]:
    """How many of the hidden tokens are found at once: GAPS_A_TEXT of each, one at a time.

    The parent sees what stands before, the twin the rest of its block besides.
    """
    gaps = [(one.ids, place) for one in documents for place in _places(one)]
    barred = [token for token in (twin.spec.mask_id, *twin.spec.barred) if token is not None]
    return {
        "parent, left context": sum(_from_the_left(parent, *gap, barred) for gap in gaps),
        "this model": sum(_within_its_block(twin, *gap, barred) for gap in gaps),
        "asked": len(gaps),
    }


def _places(document: Document) -> list[int]:
    """Even shares of what is to be predicted; a place once."""
    length = len(document.ids) - document.begin
    shares = range(1, GAPS_A_TEXT + 1)
    return sorted({document.begin + length * share // (GAPS_A_TEXT + 1) for share in shares})


@torch.inference_mode()
def _from_the_left(
    parent: LoadedModel, ids: Sequence[int], place: int, barred: Sequence[int]
) -> bool:
    before = torch.tensor([list(ids[:place])], device=parent.device)
    logits = parent.model(before, use_cache=False, logits_to_keep=1).logits[0]
    return _best(logits, barred) == ids[place]


@torch.inference_mode()
def _within_its_block(
    twin: LoadedModel, ids: Sequence[int], place: int, barred: Sequence[int]
) -> bool:
    size, mask = twin.spec.block_size, twin.spec.mask_id
    assert size is not None
    assert mask is not None
    seen = [*ids[:place], mask, *ids[place + 1 : (place // size + 1) * size]]
    request = Request(torch.tensor(seen), torch.tensor([place]))
    return _best(forward_many(twin, [request])[0], barred) == ids[place]


def _best(logits: Tensor, barred: Sequence[int]) -> int:
    return int(best_token(logits.float(), barred)[0])


def evaluate(
    engine: CausalEngine, twin: LoadedModel, count: int, paces: Sequence[int] = (1, 2)
) -> dict[str, Any]:
    """Tables and samples of the card: the parent, and the twin at each number of tokens a step.

    Questions that the context has no room for are left out; empty where that leaves none.
    """
    fitting = (q for q, _ in QUESTIONS if len(_prompt(twin, q)) + LENGTH <= twin.context)
    questions = list(islice(fitting, count))
    if not questions:
        return {}
    assert twin.spec.block_size is not None
    ways = {"parent, left to right": parent_answers(engine, questions)}
    for pace in paces:
        name = f"this model, {pace} token{'s' * (pace > 1)} a step"
        way = way_of(pace, twin.spec.block_size)
        ways[name] = twin_answers(twin, questions, way)
    table = {name: asdict(measured(engine, answers)) for name, answers in ways.items()}
    samples = [
        {"question": question, **{name: answers[n].text for name, answers in ways.items()}}
        for n, question in enumerate(questions)
    ]
    return {"answers": table, "samples": samples}
