"""A fixed number of places each step, in one of six orders."""

from __future__ import annotations

from inference.catalog.recipe import PLAIN, RANKING, RecipeEntry

USES = ("tokens_per_step", "block_length", *PLAIN)


def _ranked(label: str, constant: str, where: str, source: str, *reads: str) -> RecipeEntry:
    sentence = f"Writes a fixed number of tokens each step {where}."
    return RecipeEntry(label, constant, sentence, "Basic", source, (*USES, *reads))


RECIPES: dict[str, RecipeEntry] = {
    "rank/low_confidence": _ranked(
        "Least confident first",
        "RANK_LOW_CONFIDENCE",
        "where the best token is least probable",
        "the reverse of MaskGIT, arXiv 2202.04200",
        RANKING,
    ),
    "rank/high_confidence": _ranked(
        "Most confident first",
        "RANK_HIGH_CONFIDENCE",
        "where the best token is most probable",
        "MaskGIT, arXiv 2202.04200",
        RANKING,
    ),
    "rank/low_entropy": _ranked(
        "Most certain first",
        "RANK_LOW_ENTROPY",
        "where the entropy is lowest",
        "DreamLM/Dream, alg = entropy, before any filter",
        RANKING,
    ),
    "rank/high_entropy": _ranked(
        "Most uncertain first",
        "RANK_HIGH_ENTROPY",
        "where the entropy is highest",
        "the reverse of DreamLM/Dream, alg = entropy",
        RANKING,
    ),
    "rank/random": _ranked(
        "Random order", "RANK_RANDOM", "at random places", "MDLM, arXiv 2406.07524"
    ),
    "rank/left_to_right": _ranked(
        "Left to right",
        "LEFT_TO_RIGHT",
        "in reading order",
        "the autoregressive order of LLaDA's comparison, arXiv 2502.09992",
    ),
}
