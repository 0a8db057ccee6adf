"""Cleaning a text while it grows comes to the same as cleaning it whole."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from visualizer.api.text_filters import TextFilter

TEXT = st.text(alphabet="ab .,!?\n\t", max_size=30)


def reference(text: str, auto_trim: bool, fix_punctuation: bool) -> str:
    if fix_punctuation:
        text = re.sub(r"\s+([,.;:!?])", r"\1", text)
    return text.strip() if auto_trim else text


@given(st.lists(TEXT, max_size=8), st.booleans(), st.booleans())
def test_pieces_join_to_the_clean_text(pieces: list[str], trim: bool, fix: bool) -> None:
    growing = TextFilter(trim, fix)
    sent = "".join(growing.feed(piece) for piece in pieces) + growing.close()
    assert sent == reference("".join(pieces), trim, fix)
    assert growing.length == len(sent)


@given(TEXT, st.booleans(), st.booleans())
def test_a_whole_text_is_cleaned_alike(text: str, trim: bool, fix: bool) -> None:
    assert TextFilter(trim, fix).whole(text) == reference(text, trim, fix)


def test_nothing_is_held_back_without_a_wish() -> None:
    assert TextFilter().feed("a ") == "a "
