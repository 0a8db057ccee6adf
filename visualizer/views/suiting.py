"""Which recipes suit which model, and which of a run's options a recipe knows; no tensor library.

The family column holds a family's name or the `model_type` of the model's config.
"""

from __future__ import annotations

from collections.abc import Callable

from inference.catalog import RECIPES
from inference.models import ModelEntry

_BLOCKS = {"llada2", "llada2_moe", "qwen2", "fast_dllm_qwen", "fast_dllm_qwen2", "qwen3", "sdar"}
_SHIFTED = {"dream", "fast_dllm_qwen", "fast_dllm_qwen2"}
_EDITS = {"llada2", "llada2_moe"}
_NO_MASK = {"diffusion_gemma"}
Rule = Callable[[ModelEntry], bool]


def _family(entry: ModelEntry) -> str:
    return entry.family.lower()


def _expands(entry: ModelEntry) -> bool:
    """Does the model know an expand token? Its card or its published name says so."""
    usual = entry.card.get("decoding", {}).get("recipe")
    return usual == "dreamon" or "dreamon" in entry.slug.lower()


def _whole_attention(entry: ModelEntry) -> bool:
    return _family(entry) not in _BLOCKS


# Recipes that not every mask model can use, with the rule; what is not here suits them all.
RULES: dict[str, Rule] = {
    "dreamon": _expands,
    "diffusion_gemma": lambda entry: _family(entry) in _NO_MASK,
    "llada2/threshold": lambda entry: _family(entry) in _BLOCKS,
    "llada2/edit": lambda entry: _family(entry) in _EDITS,
    "wino": lambda entry: _family(entry) not in _SHIFTED,
    **{name: _whole_attention for name in RECIPES if "/prefix" in name or "/dual" in name},
}
ENDLESS = frozenset({"dreamon", "remdm", "diffusion_gemma"})
"""Recipes that treat end-of-text like any other token."""
OWN_TEMPERATURE = frozenset({"diffusion_gemma"})
"""Recipes whose temperature follows a plan of their own."""


def suits(entry: ModelEntry, recipe: str) -> bool:
    """May this recipe be offered for this model?"""
    if _family(entry) in _NO_MASK:
        return recipe == "diffusion_gemma"
    rule = RULES.get(recipe)
    return rule is None or rule(entry)


def suitable(entry: ModelEntry) -> list[str]:
    """Names of the recipes that suit a model, in the catalog's order."""
    return [name for name in RECIPES if suits(entry, name)]


def options_of(recipe: str) -> tuple[str, ...]:
    """The options of the run panel that a recipe reads."""
    ends = () if recipe in ENDLESS else ("eos_last", "stop_at_end")
    heat = () if recipe in OWN_TEMPERATURE else ("temperature",)
    return (*heat, *ends)
