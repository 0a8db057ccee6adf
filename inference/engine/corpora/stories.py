"""Stories from a small grammar: every slot is bound once and kept through the whole story."""

from __future__ import annotations

import random
from dataclasses import dataclass

from inference.engine.corpora.lexicon import FREE_SLOTS, derive
from inference.engine.corpora.plots import PLOTS, Plot

OPTIONAL_BEAT_SHARE = 0.2


@dataclass(frozen=True)
class Story:
    """One document of the corpus: the text is `f"{prompt} {body}"`."""

    plot: str
    prompt: str
    body: str

    @property
    def text(self) -> str:
        """Prompt and story as the model reads them."""
        return f"{self.prompt} {self.body}" if self.prompt else self.body


def bind(rng: random.Random) -> dict[str, str]:
    """A value for every slot; the two characters are never the same."""
    free = {slot: rng.choice(words) for slot, words in FREE_SLOTS.items()}
    others = [name for name in FREE_SLOTS["friend"] if name != free["name"]]
    free["friend"] = rng.choice(others)
    return free | derive(free)


def generate(rng: random.Random, plot_name: str | None = None) -> Story:
    """One story; the same generator state gives the same story."""
    name = plot_name or rng.choice(list(PLOTS))
    plot = PLOTS[name]
    slots = bind(rng)
    sentences = [rng.choice(beat).format_map(slots) for beat in _beats(plot, rng)]
    return Story(name, rng.choice(plot.prompts).format_map(slots), " ".join(sentences))


def _beats(plot: Plot, rng: random.Random) -> list[tuple[str, ...]]:
    return [
        beat
        for index, beat in enumerate(plot.beats)
        if index not in plot.optional or rng.random() < OPTIONAL_BEAT_SHARE
    ]
