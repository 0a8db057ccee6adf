"""What can be chosen by name: label, dotted path of the thing, one sentence for people.

Nothing is imported here, so that the web side can list the choices without loading a tensor
library; `resolve` is for those who need the thing itself.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any, NamedTuple

_FAMILIES = "inference.engine.families"
_DECODING = "inference.engine.decoding"


class Entry(NamedTuple):
    """One choice: a label in plain words, where the thing lives, and a sentence about it."""

    label: str
    path: str
    sentence: str


def resolve(entry: Entry) -> Any:
    """The object that an entry names."""
    module, _, name = entry.path.rpartition(".")
    return getattr(import_module(module), name)


FAMILIES: dict[str, Entry] = {
    "llada_moe": Entry(
        "LLaDA-MoE", f"{_FAMILIES}.llada_moe.FAMILY", "Mixture of experts, bidirectional."
    ),
    "llada2": Entry(
        "LLaDA 2",
        f"{_FAMILIES}.llada2.FAMILY",
        "Mixture of experts, block after block; written tokens may be edited.",
    ),
    "llada": Entry(
        "LLaDA", f"{_FAMILIES}.llada.FAMILY", "Bidirectional Llama body that fills masked places."
    ),
    "dream": Entry(
        "Dream",
        f"{_FAMILIES}.dream.FAMILY",
        "Qwen2 body with shifted predictions: Dream, Dream-Coder, DiffuCoder and DreamOn.",
    ),
    "qwen3": Entry(
        "Qwen3 body", f"{_FAMILIES}.qwen3.FAMILY", "SDAR, TraDo and converted Qwen3 models."
    ),
    "qwen2": Entry(
        "Qwen2 body", f"{_FAMILIES}.qwen2.FAMILY", "Converted Qwen2.5 models, Fast-dLLM v2."
    ),
    "modernbert": Entry(
        "ModernBERT", f"{_FAMILIES}.modernbert.FAMILY", "A masked language model that chats."
    ),
    "diffusion_gemma": Entry(
        "DiffusionGemma",
        f"{_FAMILIES}.diffusion_gemma.FAMILY",
        "No mask: a canvas of random tokens that settles as a whole.",
    ),
}

_RECIPES = f"{_DECODING}.recipes"

RECIPES: dict[str, Entry] = {
    "llada/low_confidence": Entry(
        "LLaDA, most confident first",
        f"{_RECIPES}.LLADA_LOW_CONFIDENCE",
        "Writes an equal share each step, the most probable tokens first (the published name "
        "speaks of what is masked again).",
    ),
    "llada/random": Entry(
        "LLaDA, random order",
        f"{_RECIPES}.LLADA_RANDOM",
        "Writes an equal share each step at random places.",
    ),
    "rank/low_confidence": Entry(
        "Least confident first",
        f"{_RECIPES}.RANK_LOW_CONFIDENCE",
        "Writes a fixed number of tokens each step where the best token is least probable.",
    ),
    "rank/high_confidence": Entry(
        "Most confident first",
        f"{_RECIPES}.RANK_HIGH_CONFIDENCE",
        "Writes a fixed number of tokens each step where the best token is most probable.",
    ),
    "rank/low_entropy": Entry(
        "Most certain first",
        f"{_RECIPES}.RANK_LOW_ENTROPY",
        "Writes a fixed number of tokens each step where the entropy is lowest.",
    ),
    "rank/high_entropy": Entry(
        "Most uncertain first",
        f"{_RECIPES}.RANK_HIGH_ENTROPY",
        "Writes a fixed number of tokens each step where the entropy is highest.",
    ),
    "rank/random": Entry(
        "Random order",
        f"{_RECIPES}.RANK_RANDOM",
        "Writes a fixed number of tokens each step at random places.",
    ),
    "rank/left_to_right": Entry(
        "Left to right",
        f"{_RECIPES}.LEFT_TO_RIGHT",
        "Writes a fixed number of tokens each step in reading order.",
    ),
    "dream/origin": Entry(
        "Dream, random order",
        f"{_RECIPES}.DREAM_ORIGIN",
        "Every open place is written with the probability that is due in the step.",
    ),
    "dream/maskgit_plus": Entry(
        "Dream, most probable first",
        f"{_RECIPES}.DREAM_MASKGIT_PLUS",
        "Dream's timetable, the most probable tokens of the filtered distribution first.",
    ),
    "dream/topk_margin": Entry(
        "Dream, clearest lead first",
        f"{_RECIPES}.DREAM_TOPK_MARGIN",
        "Dream's timetable, places where the best token leads most clearly first.",
    ),
    "dream/entropy": Entry(
        "Dream, lowest entropy first",
        f"{_RECIPES}.DREAM_ENTROPY",
        "Dream's timetable, places with the lowest entropy of the filtered distribution first.",
    ),
    "fastdllm/threshold": Entry(
        "Fast-dLLM, threshold",
        f"{_RECIPES}.FAST_THRESHOLD",
        "Writes every token whose probability reaches the threshold, and always the best one.",
    ),
    "fastdllm/factor": Entry(
        "Fast-dLLM, factor",
        f"{_RECIPES}.FAST_FACTOR",
        "Writes the n best tokens as long as the n-th is surer than 1 - factor / (n + 1).",
    ),
    "fastdllm/prefix": Entry(
        "Fast-dLLM, threshold, prefix cache (approximate)",
        f"{_RECIPES}.FAST_PREFIX",
        "Threshold decoding that evaluates what stands before the block once per block.",
    ),
    "fastdllm/prefix_factor": Entry(
        "Fast-dLLM, factor, prefix cache (approximate)",
        f"{_RECIPES}.FAST_PREFIX_FACTOR",
        "Factor decoding that evaluates what stands before the block once per block.",
    ),
    "fastdllm/prefix_schedule": Entry(
        "Fast-dLLM, fixed steps, prefix cache (approximate)",
        f"{_RECIPES}.FAST_PREFIX_SCHEDULE",
        "An equal share each step; what stands before the block is evaluated once per block.",
    ),
    "fastdllm/dual": Entry(
        "Fast-dLLM, threshold, dual cache (approximate)",
        f"{_RECIPES}.FAST_DUAL",
        "Threshold decoding that evaluates the block alone after its first step.",
    ),
    "fastdllm/dual_factor": Entry(
        "Fast-dLLM, factor, dual cache (approximate)",
        f"{_RECIPES}.FAST_DUAL_FACTOR",
        "Factor decoding that evaluates the block alone after its first step.",
    ),
    "fastdllm/dual_schedule": Entry(
        "Fast-dLLM, fixed steps, dual cache (approximate)",
        f"{_RECIPES}.FAST_DUAL_SCHEDULE",
        "An equal share each step; the block alone is evaluated after its first step.",
    ),
    "entropy_bound": Entry(
        "Entropy bound",
        f"{_RECIPES}.ENTROPY_BOUND",
        "Writes the most certain places whose joint uncertainty stays below gamma.",
    ),
    "dreamon": Entry(
        "DreamOn, expand and delete",
        f"{_RECIPES}.DREAMON",
        "Fills a gap of unknown length: the model may add and remove places.",
    ),
    "llada2/threshold": Entry(
        "LLaDA2, blocks with threshold",
        f"{_RECIPES}.LLADA2",
        "Block after block, every token above the threshold, at least one each step.",
    ),
    "llada2/edit": Entry(
        "LLaDA2.1, with token editing",
        f"{_RECIPES}.LLADA2_EDIT",
        "As LLaDA2, but written tokens of the block give way to clearly likelier ones.",
    ),
    "klass": Entry(
        "KLASS, stable and confident",
        f"{_RECIPES}.KLASS",
        "Writes confident places whose distribution has stopped moving.",
    ),
    "remdm": Entry(
        "ReMDM, with remasking",
        f"{_RECIPES}.REMDM",
        "Random order; written tokens are masked again now and then and get another chance.",
    ),
    "wino": Entry(
        "WINO, draft and verify",
        f"{_RECIPES}.WINO",
        "Writes boldly and masks again what its own context does not confirm.",
    ),
    "diffusion_gemma": Entry(
        "DiffusionGemma, settling canvas",
        f"{_RECIPES}.DIFFUSION_GEMMA",
        "Certain places are held, all others get new random tokens, until nothing moves.",
    ),
}


SHIFTED_FAMILIES = {"dream"}
NEEDS: dict[str, frozenset[str]] = {
    # what a recipe needs of a model; the others do with any model that has a mask
    "dreamon": frozenset({"mask", "edits"}),
    "wino": frozenset({"mask", "same", "own_masks"}),
    "diffusion_gemma": frozenset({"uniform"}),
    **{
        f"fastdllm/{cache}{rule}": frozenset({"mask", "own_masks"})
        for cache in ("prefix", "dual")
        for rule in ("", "_factor", "_schedule")
    },
}


def recipes_for(family: str, *, edits: bool = False, shifted: bool | None = None) -> list[str]:
    """The names of the recipes that a model can be decoded with, in the order of RECIPES.

    `edits`: the model knows tokens that expand or delete places. `shifted`: its rows predict the
    next place; None means what is usual in the family.
    """
    if shifted is None:
        shifted = family in SHIFTED_FAMILIES
    has = {"uniform"} if family == "diffusion_gemma" else {"mask"}
    has |= {"edits"} if edits else set()
    has |= set() if shifted else {"same"}
    has |= set() if family == "modernbert" else {"own_masks"}
    return [name for name in RECIPES if NEEDS.get(name, frozenset({"mask"})) <= has]


def _part(kind: str, name: str, label: str, sentence: str) -> Entry:
    return Entry(label, f"{_DECODING}.{kind}.{name}", sentence)


SCORES: dict[str, Entry] = {
    "probability": _part("scores", "probability", "Probability", "Of the drawn token."),
    "margin": _part("scores", "margin", "Margin", "Lead of the best token over the second."),
    "certainty": _part("scores", "certainty", "Certainty", "Minus the filtered entropy."),
    "plain_certainty": _part(
        "scores", "plain_certainty", "Plain certainty", "Minus the entropy before any filter."
    ),
    "uncertainty": _part("scores", "uncertainty", "Uncertainty", "The entropy."),
    "confidence": _part("scores", "confidence", "Confidence", "Probability of the best token."),
    "doubt": _part("scores", "doubt", "Doubt", "Minus the probability of the best token."),
    "chance": _part("scores", "chance", "Chance", "A random number."),
    "order": _part("scores", "order", "Order", "Left to right."),
}
QUOTAS: dict[str, Entry] = {
    "schedule": _part("quotas", "schedule", "Equal share", "Open places over steps left."),
    "fixed": _part("quotas", "fixed", "Fixed number", "So many tokens each step."),
    "threshold": _part("quotas", "threshold", "Threshold", "All whose score reaches it."),
    "factor": _part("quotas", "factor", "Factor", "The n best while surer than 1 - f/(n+1)."),
    "entropy_bound": _part(
        "quotas", "entropy_bound", "Entropy bound", "As many as their entropies allow."
    ),
    "timetable": _part("quotas", "timetable", "Timetable", "The share that is due in the step."),
    "flips": _part("quotas", "flips", "Coin flips", "Each place with the share that is due."),
    "confident_or_quota": _part(
        "quotas", "confident_or_quota", "Threshold or share", "All above it, else the share."
    ),
    "stable": _part("quotas", "stable", "Stability", "Confident and no longer moving."),
    "draft": _part("quotas", "draft", "Draft", "All above a low threshold."),
    "ancestral": _part("quotas", "ancestral", "Ancestral", "By the reverse process of ReMDM."),
}
DRAWS: dict[str, Entry] = {
    "sample": _part("draws", "sample", "Plain", "Temperature shapes the draw, not the confidence."),
    "filtered": _part("draws", "filtered", "Filtered", "Temperature, top-p and top-k shape both."),
}

RANKINGS: dict[str, Entry] = {
    "low_confidence": Entry(
        "Least confident first",
        f"{_DECODING}.rankings.low_confidence",
        "Takes the positions whose best token has the lowest probability.",
    ),
    "high_confidence": Entry(
        "Most confident first",
        f"{_DECODING}.rankings.high_confidence",
        "Takes the positions whose best token has the highest probability.",
    ),
    "low_entropy": Entry(
        "Most certain first",
        f"{_DECODING}.rankings.low_entropy",
        "Takes the positions whose distribution has the lowest entropy.",
    ),
    "high_entropy": Entry(
        "Most uncertain first",
        f"{_DECODING}.rankings.high_entropy",
        "Takes the positions whose distribution has the highest entropy.",
    ),
    "random": Entry(
        "Random order",
        f"{_DECODING}.rankings.random",
        "Takes positions in an order drawn from the session's seed.",
    ),
}
