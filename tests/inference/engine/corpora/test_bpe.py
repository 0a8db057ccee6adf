"""Tokenizers: any text survives, special tokens have their ids, symbols are one token each."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer

from inference.engine.corpora.bpe import END, MASK, START, UNKNOWN, id_of, symbol_tokenizer
from inference.engine.training.story_task import story_tokenizer


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    """Of the stories."""
    return story_tokenizer(samples=500)


@given(st.text(max_size=40))
def test_any_text_comes_back(tokenizer: Tokenizer, text: str) -> None:
    ids = tokenizer.encode(text, add_special_tokens=False).ids
    if not any(token in text for token in (END, MASK, START)):
        assert tokenizer.decode(ids, skip_special_tokens=False) == text


def test_the_start_token_stands_in_front(tokenizer: Tokenizer) -> None:
    assert tokenizer.encode("Once upon").tokens[0] == START
    assert tokenizer.encode("Once upon", add_special_tokens=False).tokens[0] == "Once"


def test_words_of_the_corpus_are_single_tokens(tokenizer: Tokenizer) -> None:
    assert tokenizer.encode(" friend birthday", add_special_tokens=False).tokens == [
        "Ġfriend",
        "Ġbirthday",
    ]


@pytest.fixture
def digits() -> Tokenizer:
    return symbol_tokenizer("0123456789+=")


def test_symbols(digits: Tokenizer) -> None:
    assert digits.encode("12 +3").tokens == ["1", "2", "+", "3"]
    assert digits.encode(f"1{MASK}2").tokens == ["1", MASK, "2"]
    assert digits.encode("1x").tokens == ["1", UNKNOWN]
    assert digits.decode(digits.encode("12+34=").ids) == "12+34="


def test_an_unknown_token_is_an_error(digits: Tokenizer) -> None:
    with pytest.raises(KeyError):
        id_of(digits, START)
