"""The kinds of models that are trained on a text: one row each. Web-safe."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Kind:
    """A row. `causal`: writes from left to right; `characters`: a token is a character."""

    name: str
    label: str
    about: str
    causal: bool
    characters: bool

    @property
    def unit(self) -> str:
        """What a token is, in a word."""
        return "character" if self.characters else "token"


KINDS: dict[str, Kind] = {
    row.name: row
    for row in (
        Kind(
            "characters",
            "Character GPT",
            "Writes one character after the other. Learns to spell, then words, then phrases.",
            causal=True,
            characters=True,
        ),
        Kind(
            "byte_pairs",
            "Byte-pair GPT",
            "Writes pieces of words that it found in the text, from left to right.",
            causal=True,
            characters=False,
        ),
        Kind(
            "diffusion",
            "Masked diffusion",
            "Fills masks in any order. Opens in the workspace when it is finished.",
            causal=False,
            characters=False,
        ),
    )
}
