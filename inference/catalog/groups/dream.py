"""Dream's samplers, and DreamOn's canvas that grows and shrinks."""

from __future__ import annotations

from inference.catalog.recipe import DRAW, PLAIN, RecipeEntry

SOURCE = "arXiv 2508.15487; DreamLM/Dream, generation_utils.py"
USES = ("steps", *PLAIN, "eps", "official")
# a quota that compares scores with a bound can do nothing with scores that bear noise
RANKED = (*USES, "alg_temp")


def _dream(label: str, constant: str, sentence: str, uses: tuple[str, ...]) -> RecipeEntry:
    return RecipeEntry(label, constant, sentence, "Dream", SOURCE, uses)


RECIPES: dict[str, RecipeEntry] = {
    "dream/origin": _dream(
        "Dream, random order",
        "DREAM_ORIGIN",
        "Every open place is written with the probability that is due in the step.",
        USES,
    ),
    "dream/maskgit_plus": _dream(
        "Dream, most probable first",
        "DREAM_MASKGIT_PLUS",
        "Dream's timetable, the most probable tokens of the filtered distribution first.",
        RANKED,
    ),
    "dream/topk_margin": _dream(
        "Dream, clearest lead first",
        "DREAM_TOPK_MARGIN",
        "Dream's timetable, places where the best token leads most clearly first.",
        RANKED,
    ),
    "dream/entropy": _dream(
        "Dream, lowest entropy first",
        "DREAM_ENTROPY",
        "Dream's timetable, places with the lowest entropy of the filtered distribution first.",
        RANKED,
    ),
    "dreamon": RecipeEntry(
        "DreamOn, expand and delete",
        "DREAMON",
        "Fills a gap of unknown length: the model may add and remove places.",
        "Dream",
        "DreamLM/DreamOn, eval/generator.py",
        (
            "max_new_tokens",
            "expand_budget",
            "pad_delete_to_right",
            "tokens_per_step",
            *(*DRAW, "alg_temp", "cfg_scale", "official"),
        ),
        {"max_new_tokens": 64},
        frozenset({"mask", "edits"}),
    ),
}
