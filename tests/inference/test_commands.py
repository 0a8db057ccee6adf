"""Commands that put a question to a model: what they print, and how they refuse."""

from __future__ import annotations

import re
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError


def printed(*words: str, **options: Any) -> str:
    out = StringIO()
    call_command(*words, stdout=out, **options)
    return out.getvalue()


def test_a_right_sum_is_likelier_than_a_wrong_one() -> None:
    sums = [printed("likelihood", "addition", "12345678+11111111=", text, samples=32)
            for text in ("023456789", "923456780")]  # fmt: skip
    right, wrong = (float(line.split()[0]) for line in sums)
    assert right > wrong
    assert "9 tokens, 32 samples, seed 0" in sums[0]


def test_one_of_the_lengths_of_a_gap_is_the_best() -> None:
    looked = printed("gap_lengths", "stories", "Once upon", " the girl.", longest=3)
    assert [line[2:5].strip() for line in looked.splitlines()] == ["1", "2", "3"]
    assert looked.count("*") == 1
    run = printed("gap_lengths", "stories", "Once upon", " the girl.", longest=2,
                  recipe="llada/low_confidence")  # fmt: skip
    assert re.search(r"\d  \S", run)  # with the words that were written


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("likelihood", "addition", "1+1=", ""), "needs an answer"),
        (("likelihood", "nowhere", "a", "b"), "nowhere"),
        (("gap_lengths", "stories", "a", "b", "--longest=0"), "Lengths"),
        (("gap_lengths", "stories", "a", "b", "--recipe=x"), "recipe"),
    ],
)
def test_what_makes_no_sense_is_refused_in_words(words: tuple[str, ...], said: str) -> None:
    with pytest.raises(CommandError, match=said):
        call_command(*words)
