"""Texts that are at hand for training: the project's own generators, and what is installed.

Each is a function of a seed; the same seed gives the same text. Web-safe: no tensor library.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from inference.engine.corpora import addition, stories, sudoku

BREAK = "\n\n"
PARTS = ("noun", "verb", "adj", "adv")
WORDNET = tuple(Path("/usr/share/wordnet") / f"data.{part}" for part in PARTS)
"""The files of Debian's wordnet-base, in the format of wndb(5WN)."""
MOST_GLOSSES = 2_000_000
"""Characters of glosses that are taken: more than a small model reads in an hour."""


@dataclass(frozen=True)
class LibraryText:
    """A row of the library. `read` gives the text for a seed; `there` says whether it is here."""

    name: str
    label: str
    about: str
    read: Callable[[int], str]
    there: Callable[[], bool] = lambda: True
    prompt: str = "The "


def story_text(seed: int, count: int = 5000) -> str:
    """Small stories of this project's grammar behind their prompts."""
    rng = random.Random(seed)
    return BREAK.join(stories.generate(rng).text for _ in range(count))


def sums_text(seed: int, count: int = 30_000) -> str:
    """Sums of eight digits, one a line."""
    rng = random.Random(seed)
    return "\n".join("".join(addition.generate(rng)) for _ in range(count))


def sudoku_text(seed: int, count: int = 4000) -> str:
    """Solved grids of six by six cells, one a line."""
    rng = random.Random(seed)
    return "\n".join(sudoku.full_grid(rng) for _ in range(count))


def python_text(seed: int = 0) -> str:
    """The language reference that comes with CPython (`pydoc_data.topics`)."""
    from pydoc_data.topics import topics

    return BREAK.join(topics[name] for name in sorted(topics))


@cache
def wordnet_text(seed: int = 0) -> str:
    """Glosses of WordNet 3.0, evenly from all its files where they are more than MOST_GLOSSES."""
    found = [gloss for path in WORDNET for gloss in _glosses(path)]
    every = -(-sum(map(len, found)) // MOST_GLOSSES) or 1
    return "\n".join(found[::every])


def _glosses(path: Path) -> Iterator[str]:
    """What stands behind the bar of each line; lines of the licence begin with spaces."""
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        _, bar, gloss = line.partition(" | ")
        if bar and not line.startswith("  "):
            yield gloss.strip()


LIBRARY: dict[str, LibraryText] = {
    row.name: row
    for row in (
        LibraryText(
            "stories",
            "Small stories",
            "Very short children's stories of one grammar, made by this project. Quick to learn.",
            story_text,
            prompt="Tell a story about Nora, who loses a red kite.",
        ),
        LibraryText(
            "python",
            "The Python reference",
            "The language reference that comes with CPython: half a million characters of prose "
            "and code.",
            python_text,
            prompt="The statement ",
        ),
        LibraryText(
            "sums",
            "Sums",
            "Sums of two eight-digit numbers, one a line. Carries run from right to left.",
            sums_text,
            prompt="12345678+",
        ),
        LibraryText(
            "sudoku",
            "Solved sudokus",
            "Grids of six by six cells, one a line: every row, column and box holds 1 to 6.",
            sudoku_text,
            prompt="1234",
        ),
        LibraryText(
            "wordnet",
            "WordNet's glosses",
            "Definitions and examples of English words: WordNet 3.0 by Princeton University, under "
            "its own licence, from Debian's wordnet-base.",
            wordnet_text,
            there=lambda: all(path.is_file() for path in WORDNET),
            prompt="the act of ",
        ),
    )
}
