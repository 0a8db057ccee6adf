"""What a model's card says of decoding, as the recipe and the parameters of a run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from inference.catalog.recipes import DEFAULT_RECIPE, RECIPES

PACE = ("steps", "tokens_per_step")
ELSEWHERE = (*PACE, "block_length")
"""Parameters that are no part of a recipe's own: pace and blocks are set beside it."""
OF_THE_TEXT = ("eos_last", "stop_at_end")
"""What a card says of the model's texts, whichever recipe writes them."""


def card_recipe(card: Mapping[str, Any]) -> str:
    """The recipe with which a model was measured, else the usual one."""
    return str(_decoding(card).get("recipe") or DEFAULT_RECIPE)


def card_parameters(card: Mapping[str, Any], recipe: str) -> dict[str, Any]:
    """The card's parameters that a recipe reads, without pace and blocks.

    A threshold or a temperature was measured with the card's own recipe and says nothing about
    another, which is given what concerns the texts alone. Unknown recipes read nothing.
    """
    usual = _decoding(card)
    uses = RECIPES[recipe].uses if recipe in RECIPES else ()
    meant = usual if recipe == card_recipe(card) else OF_THE_TEXT
    return {k: usual[k] for k in uses if k in usual and k in meant and k not in ELSEWHERE}


def _decoding(card: Mapping[str, Any]) -> Mapping[str, Any]:
    found = card.get("decoding")
    return found if isinstance(found, Mapping) else {}
