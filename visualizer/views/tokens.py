"""How a token is written: blanks get a glyph in cells and lists, so that nothing is invisible."""

from __future__ import annotations

import re
from collections.abc import Sequence

from inference.engine.text_spans import decode, raw_of

GLYPHS = str.maketrans({" ": "␣", "\n": "↵", "\t": "⇥", "\r": "␍"})
LONG = 8
_CUT = re.compile(r"<\|?[a-z_]*\|?(\.\.\.|…)$")  # a title may end within a mask's name
BOX = "▢"
MASKS = ("<|mdm_mask|>", "<|mask|>", "[MASK]")


def glyphs(text: str) -> str:
    """Blanks as glyphs; everything else as it is. The result is text, never HTML."""
    return text.translate(GLYPHS)


def boxes(text: str) -> str:
    """Masks written out in a prompt as empty boxes; nothing else changes."""
    for name in MASKS:
        text = text.replace(name, BOX)
    return text


def masks(text: str) -> str:
    """The same for a title, which may end within a mask's name."""
    return _CUT.sub("…", boxes(text))


def cell_text(text: str) -> str:
    """What fits a cell: without the blank that begins nearly every word; special tokens, which
    have a border there, without their brackets."""
    if text.startswith("<|") and is_special(text):
        return text[2:-2]
    return glyphs(text[1:] if len(text) > 1 and text.startswith(" ") else text)


def whole_texts(labels: Sequence[str]) -> list[str] | None:
    """The characters that begin in each of some neighbours, where one of them takes several tokens;
    None where none does. "" for a token that only goes on with the one before it.
    """
    if not any("<0x" in label for label in labels):
        return None
    return decode([raw_of(label) for label in labels]).own()


def is_special(text: str) -> bool:
    """`<|eot|>`, `[EOS]` and the like are drawn with a border."""
    pairs = (("<|", "|>"), ("[", "]"), ("<", ">"))
    return len(text) > 2 and any(text.startswith(a) and text.endswith(b) for a, b in pairs)


def percent(probability: float) -> str:
    """Two decimals; below a hundredth of a per cent it says so instead of 0.00."""
    return f"{probability:.2%}" if probability >= 1e-4 else "<0.01%"
