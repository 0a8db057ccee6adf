"""Fast-dLLM: parallel decoding by threshold or factor, with and without its caches."""

from __future__ import annotations

from inference.catalog.parameters import Value
from inference.catalog.recipe import DRAW, ENDING, PLAIN, RANKING, RecipeEntry, Trait

SOURCE = "arXiv 2505.22618; NVlabs/Fast-dLLM, v1/llada/generate.py"
FAST = ("block_length", *PLAIN, RANKING)
CACHED = ("block_length", *DRAW, *ENDING, RANKING)
CACHE: frozenset[Trait] = frozenset({"mask", "own_masks"})


def _plain(label: str, constant: str, sentence: str, reads: str) -> RecipeEntry:
    uses = (*FAST, reads, "official")
    return RecipeEntry(label, constant, sentence, "Fast-dLLM", SOURCE, uses, {"block_length": 32})


def _cached(label: str, constant: str, sentence: str, reads: str) -> RecipeEntry:
    uses = (*CACHED, reads, "official")
    return RecipeEntry(
        f"{label} (approximate)",
        constant,
        sentence,
        "Fast-dLLM",
        SOURCE,
        uses,
        {"block_length": 32},
        CACHE,
    )


V2 = ("small_block_length", *DRAW, *ENDING, "threshold", "fill_last_block", "stop_after_block")


def _v2(label: str, constant: str, sentence: str) -> RecipeEntry:
    needs: frozenset[Trait] = frozenset({"mask", "own_masks", "next_block"})
    defaults: dict[str, Value] = {"stop_after_block": True}
    source = "NVlabs/Fast-dLLM, v2; Fast_dLLM_v2_7B, modeling.py"
    return RecipeEntry(label, constant, sentence, "Fast-dLLM", source, V2, defaults, needs)


RECIPES: dict[str, RecipeEntry] = {
    "fastdllm/threshold": _plain(
        "Fast-dLLM, threshold",
        "FAST_THRESHOLD",
        "Writes every token whose probability reaches the threshold, and always the best one.",
        "threshold",
    ),
    "fastdllm/factor": _plain(
        "Fast-dLLM, factor",
        "FAST_FACTOR",
        "Writes the n best tokens as long as the n-th is surer than 1 - factor / (n + 1).",
        "factor",
    ),
    "fastdllm/prefix": _cached(
        "Fast-dLLM, threshold, prefix cache",
        "FAST_PREFIX",
        "Threshold decoding that evaluates what stands before the block once per block.",
        "threshold",
    ),
    "fastdllm/prefix_factor": _cached(
        "Fast-dLLM, factor, prefix cache",
        "FAST_PREFIX_FACTOR",
        "Factor decoding that evaluates what stands before the block once per block.",
        "factor",
    ),
    "fastdllm/prefix_schedule": _cached(
        "Fast-dLLM, fixed steps, prefix cache",
        "FAST_PREFIX_SCHEDULE",
        "An equal share each step; what stands before the block is evaluated once per block.",
        "steps",
    ),
    "fastdllm/dual": _cached(
        "Fast-dLLM, threshold, dual cache",
        "FAST_DUAL",
        "Threshold decoding that evaluates the block alone after its first step.",
        "threshold",
    ),
    "fastdllm/dual_factor": _cached(
        "Fast-dLLM, factor, dual cache",
        "FAST_DUAL_FACTOR",
        "Factor decoding that evaluates the block alone after its first step.",
        "factor",
    ),
    "fastdllm/dual_schedule": _cached(
        "Fast-dLLM, fixed steps, dual cache",
        "FAST_DUAL_SCHEDULE",
        "An equal share each step; the block alone is evaluated after its first step.",
        "steps",
    ),
    "fastdllm2/threshold": _v2(
        "Fast-dLLM v2, small blocks",
        "FAST_V2",
        "Small blocks inside each block, every token above the threshold; the row before a block "
        "writes its first token.",
    ),
    "fastdllm2/block_cache": _v2(
        "Fast-dLLM v2, block cache (approximate)",
        "FAST_V2_CACHE",
        "The same; inside a small block only that is evaluated.",
    ),
}
