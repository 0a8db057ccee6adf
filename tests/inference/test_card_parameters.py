"""What a run takes of its model's card: one rule for pages, panel and programs."""

from __future__ import annotations

from typing import Any

import pytest

from inference.catalog import DEFAULT_RECIPE, card_parameters, card_recipe

CARD: dict[str, Any] = {
    "decoding": {
        "recipe": "llada2/threshold",
        "threshold": 0.7,
        "temperature": 0.0,
        "stop_at_end": True,
        "tokens_per_step": 2,
        "steps": 9,
        "block_length": 8,
        "unheard_of": 1,
    }
}


def test_the_card_s_own_recipe_takes_what_it_reads() -> None:
    assert card_recipe(CARD) == "llada2/threshold"
    found = card_parameters(CARD, "llada2/threshold")
    assert found == {"threshold": 0.7, "temperature": 0.0, "stop_at_end": True}


def test_another_recipe_takes_what_concerns_the_texts() -> None:
    assert card_parameters(CARD, "fastdllm/threshold") == {"stop_at_end": True}


@pytest.mark.parametrize("card", [{}, {"decoding": {}}, {"decoding": None}, {"decoding": "x"}])
def test_a_card_that_says_nothing(card: dict[str, Any]) -> None:
    assert card_recipe(card) == DEFAULT_RECIPE
    assert card_parameters(card, DEFAULT_RECIPE) == {}


def test_without_a_recipe_the_usual_one_is_meant() -> None:
    card = {"decoding": {"temperature": 0.7}}
    assert card_parameters(card, DEFAULT_RECIPE) == {"temperature": 0.7}
    assert card_parameters(card, "no/such") == {}
