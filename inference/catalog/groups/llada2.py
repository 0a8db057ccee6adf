"""Block diffusion: models that are trained to write block after block."""

from __future__ import annotations

from ..recipe import PLAIN, RANKING, RecipeEntry

SOURCE = "inclusionAI/LLaDA2.X, modeling_llada2_moe.py"
USES = ("block_length", *PLAIN, RANKING, "threshold", "tokens_per_step")
DEFAULTS = {"threshold": 0.95, "block_length": 32}

RECIPES: dict[str, RecipeEntry] = {
    "llada2/threshold": RecipeEntry(
        "LLaDA2, blocks with threshold",
        "LLADA2",
        "Block after block, every token above the threshold, at least one each step.",
        "LLaDA2",
        SOURCE,
        USES,
        DEFAULTS,
        trained=frozenset({"llada2", "qwen3", "qwen2"}),
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
}
