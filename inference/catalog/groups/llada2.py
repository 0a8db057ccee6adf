"""Block diffusion: models that are trained to write block after block."""

from __future__ import annotations

from inference.catalog.parameters import Value
from inference.catalog.recipe import PLAIN, RecipeEntry

SOURCE = "inclusionAI/LLaDA2.X, modeling_llada2_moe.py"
SDAR = "JetAstra/SDAR, generate.py"
BLOCKS = ("block_steps", "fill_last_block", "stop_after_block")
USES = ("block_length", *PLAIN, "threshold", "tokens_per_step", *BLOCKS)
SDAR_USES = ("block_length", *PLAIN, "tokens_per_step", *BLOCKS)
DEFAULTS: dict[str, Value] = {"threshold": 0.95, "block_length": 32}
STOPS: dict[str, Value] = {"stop_after_block": True}
TRAINED = frozenset({"blocks", "llada2", "qwen3", "qwen2"})


def _sdar(label: str, constant: str, sentence: str, *reads: str, **more: Value) -> RecipeEntry:
    defaults = {"block_length": 4, **STOPS, **more}
    uses = (*SDAR_USES, *reads)
    return RecipeEntry(label, constant, sentence, "LLaDA2", SDAR, uses, defaults, trained=TRAINED)


RECIPES: dict[str, RecipeEntry] = {
    "llada2/threshold": RecipeEntry(
        "LLaDA2, blocks with threshold",
        "LLADA2",
        "Block after block, every token above the threshold, at least one each step.",
        "LLaDA2",
        SOURCE,
        USES,
        DEFAULTS | STOPS,
        trained=TRAINED,
    ),
    "llada2/edit": RecipeEntry(
        "LLaDA2.1, with token editing",
        "LLADA2_EDIT",
        "As LLaDA2, but written tokens of the block give way to clearly likelier ones.",
        "LLaDA2",
        SOURCE,
        (*USES, "edit_threshold", "max_post_steps"),
        DEFAULTS,
        trained=frozenset({"llada2"}),
    ),
    "sdar/low_confidence_static": _sdar(
        "SDAR, equal shares",
        "SDAR_STATIC",
        "Block after block, an equal share each step, the most probable tokens first.",
    ),
    "sdar/low_confidence_dynamic": _sdar(
        "SDAR, threshold",
        "SDAR_DYNAMIC",
        "Block after block, every token above the threshold, or the step's share.",
        "threshold",
        threshold=0.9,
    ),
    "sdar/sequential": _sdar(
        "SDAR, left to right",
        "SDAR_SEQUENTIAL",
        "Block after block, an equal share each step in reading order.",
    ),
}
