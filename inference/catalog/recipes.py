"""All recipes by their official names, and which of them a model can be decoded with."""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

from inference.catalog.families import BLOCKS, SHIFTED, family_of
from inference.catalog.groups import basic, canvases, dream, fast_dllm, llada, llada2, research
from inference.catalog.recipe import GRAMMAR, Group, RecipeEntry, Trait

OWN_CANVASES = frozenset({"soar", "freedave", "freedave/blocks", "pairs", "pairs/blocks"})
"""Recipes that carry canvases of their own from step to step, past every filter."""


def _takes_grammar(name: str, row: RecipeEntry) -> bool:
    """Whether a grammar can filter what a recipe writes: the places must neither come nor go."""
    resizes = "max_new_tokens" in row.uses or bool({"edits", "uniform"} & row.needs)
    return not resizes and name not in OWN_CANVASES


_ROWS: dict[str, RecipeEntry] = {
    **llada.RECIPES,
    **basic.RECIPES,
    **dream.RECIPES,
    **fast_dllm.RECIPES,
    **llada2.RECIPES,
    **research.RECIPES,
    **canvases.RECIPES,
}
RECIPES: dict[str, RecipeEntry] = {
    name: replace(row, uses=(*row.uses, *GRAMMAR)) if _takes_grammar(name, row) else row
    for name, row in _ROWS.items()
}
DEFAULT_RECIPE = "llada/low_confidence"
"""What is chosen where nobody has chosen."""
GROUPS: tuple[Group, ...] = get_args(Group)
"""The groups in the order in which people are shown them."""


def recipes_for(
    family: str, *, edits: bool = False, shifted: bool | None = None, blocks: bool | None = None
) -> list[str]:
    """The names of the recipes that a model can be decoded with, in the order of RECIPES.

    `family` is a family or a model type. `edits`: the model knows tokens that expand or delete
    places. `shifted`: its rows predict the next place, `blocks`: it sees its own and earlier
    blocks; None means what is usual.
    """
    has = traits(family, edits=edits, shifted=shifted, blocks=blocks)
    return [name for name, row in RECIPES.items() if row.needs <= has]


def recipes_offered(family: str, *, edits: bool = False) -> list[str]:
    """The recipes to offer for a model: those that it can do and that its training is meant for."""
    kinds = {family_of(family), family.lower()}
    kinds |= {"blocks"} if kinds & BLOCKS else set()
    able = recipes_for(family, edits=edits)
    return [name for name in able if not RECIPES[name].trained or RECIPES[name].trained & kinds]


def traits(
    family: str, *, edits: bool = False, shifted: bool | None = None, blocks: bool | None = None
) -> frozenset[Trait]:
    """What a model of a family (or model type) has of what recipes need."""
    kind = family_of(family)
    kinds = {kind, family.lower()}
    shifted = bool(kinds & SHIFTED) if shifted is None else shifted
    blocks = bool(kinds & BLOCKS) if blocks is None else blocks
    known: dict[Trait, bool] = {
        "mask": kind != "diffusion_gemma",
        "uniform": kind == "diffusion_gemma",
        "edits": edits,
        "same": not shifted,
        "next_block": shifted and blocks,
        "own_masks": kind != "modernbert",
    }
    return frozenset(name for name, has in known.items() if has)
