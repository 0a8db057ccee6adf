"""LLaDA's own sampler."""

from __future__ import annotations

from inference.catalog.recipe import PLAIN, RANKING, RecipeEntry

SOURCE = "arXiv 2502.09992; ML-GSAI/LLaDA, generate.py"
USES = ("steps", "block_length", *PLAIN, "official")

RECIPES: dict[str, RecipeEntry] = {
    "llada/low_confidence": RecipeEntry(
        "LLaDA, most confident first",
        "LLADA_LOW_CONFIDENCE",
        "Writes an equal share each step, the most probable tokens first (the published name "
        "speaks of what is masked again).",
        "LLaDA",
        SOURCE,
        (*USES, RANKING),
    ),
    "llada/random": RecipeEntry(
        "LLaDA, random order",
        "LLADA_RANDOM",
        "Writes an equal share each step at random places.",
        "LLaDA",
        SOURCE,
        USES,
    ),
}
