"""How readable a model's text is: the share of the words it writes that its corpus knows."""

from __future__ import annotations

import re
from dataclasses import dataclass

from inference.engine.checkpoint import LoadedModel
from inference.engine.training.texts.writing import frames_of

WORD = re.compile(r"[^\W\d_]+")


@dataclass(frozen=True)
class WordReport:
    """`known` is the share, 0 to 1, of `written` words that occur in the corpus."""

    written: int
    known: float
    samples: int
    temperature: float


def judge_words(
    model: LoadedModel, text: str, prompt: str, samples: int = 20, temperature: float = 0.7
) -> WordReport:
    """Continue a prompt `samples` times to the end of the window, and look every word up.

    The first and the last word of a sample may be cut, and do not count.
    """
    vocabulary = set(WORD.findall(text))
    found: list[str] = []
    for seed in range(samples):
        written = frames_of(model, prompt, model.context, temperature, seed)[-1]
        found += WORD.findall(written)[1:-1]
    known = sum(word in vocabulary for word in found) / max(1, len(found))
    return WordReport(len(found), round(known, 4), samples, temperature)
