"""Which recipes suit which model, and which of a run's options a recipe knows; no tensor library.

The family column holds a family's name or the `model_type` of the model's config.
"""

from __future__ import annotations

from inference.catalog import recipes_for
from inference.models import ModelEntry

# Model types as configs write them → the catalog's family, where they differ.
_FAMILIES = {
    "lladamoe": "llada_moe", "llada2_moe": "llada2", "sdar": "qwen3", "a2d-qwen3": "qwen3",
    "a2d-qwen2": "qwen2", "fast_dllm_qwen": "qwen2", "fast_dllm_qwen2": "qwen2",
}  # fmt: skip
_SHIFTED_TYPES = {"fast_dllm_qwen", "fast_dllm_qwen2"}
_BLOCKS = {"llada2", "qwen3", "qwen2"}
_TRAINED_TO_EDIT = {"llada2"}

ENDLESS = frozenset({"dreamon", "remdm", "diffusion_gemma"})
"""Recipes that treat end-of-text like any other token."""
OWN_PACE = frozenset({
    "fastdllm/threshold", "fastdllm/factor", "fastdllm/prefix", "fastdllm/prefix_factor",
    "fastdllm/dual", "fastdllm/dual_factor", "entropy_bound", "klass", "wino",
})  # fmt: skip
"""Recipes whose steps are as large as a threshold or a bound makes them."""
OWN_TEMPERATURE = frozenset({"diffusion_gemma"})
"""Recipes whose temperature follows a plan of their own."""


def suitable(entry: ModelEntry) -> list[str]:
    """Names of the recipes to offer for a model, in the catalog's order.

    Beyond what the catalog rules out, block recipes are offered for block models only.
    """
    type = entry.family.lower()
    family = _FAMILIES.get(type, type)
    shifted = True if type in _SHIFTED_TYPES else None
    able = recipes_for(family, edits=_expands(entry), shifted=shifted)
    return [name for name in able if _in_place(family, name)]


def _in_place(family: str, recipe: str) -> bool:
    if recipe == "llada2/edit":
        return family in _TRAINED_TO_EDIT
    return recipe != "llada2/threshold" or family in _BLOCKS


def _expands(entry: ModelEntry) -> bool:
    """Does the model know an expand token? Its card or its published name says so."""
    usual = entry.card.get("decoding", {}).get("recipe")
    return usual == "dreamon" or "dreamon" in entry.slug.lower()


def options_of(recipe: str) -> tuple[str, ...]:
    """The options of the run panel that a recipe reads."""
    ends = () if recipe in ENDLESS else ("eos_last", "stop_at_end")
    heat = () if recipe in OWN_TEMPERATURE else ("temperature",)
    pace = () if recipe in OWN_PACE else ("tokens_per_step",)
    return (*heat, *ends, *pace)


def pace_for(recipe: str, count: int | None) -> dict[str, int]:
    """The field tokens_per_step of a message that starts this recipe, where it has a place."""
    return {"tokens_per_step": count} if count and recipe not in OWN_PACE else {}
