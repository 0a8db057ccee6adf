"""The model families, and what `model_type` of a config.json means which of them."""

from __future__ import annotations

from inference.catalog.entry import Entry

_FAMILIES = "inference.engine.families"

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
    "llama": Entry(
        "Llama body",
        f"{_FAMILIES}.llama.FAMILY",
        "Left-to-right models turned to diffusion: block by block, predictions shifted.",
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

FAMILY_OF = {
    "lladamoe": "llada_moe",
    "llada2_moe": "llada2",
    "sdar": "qwen3",
    "a2d-qwen3": "qwen3",
    "a2d-llama": "llama",
    "block_llama": "llama",
    "a2d-qwen2": "qwen2",
    "fast_dllm_qwen": "qwen2",
    "fast_dllm_qwen2": "qwen2",
}
"""Model types as configs write them (lower case) → the family, where the names differ."""

ARCHITECTURES = frozenset(
    {
        "A2DLlamaLMHeadModel", "A2DQwen2LMHeadModel", "A2DQwen3LMHeadModel",
        "DiffusionGemmaForBlockDiffusion", "DreamModel", "Fast_dLLM_QwenForCausalLM",
        "LLaDA2MoeModelLM", "LLaDAMoEModel", "LLaDAMoEModelLM", "LLaDAModel", "LLaDAModelLM",
        "ModernBertForMaskedLM", "SDARForCausalLM",
    }
)  # fmt: skip
"""By which a family is known whatever the model type is called."""

SHIFTED = frozenset({"dream", "block_llama", "fast_dllm_qwen", "fast_dllm_qwen2"})
"""Families and model types whose rows predict the next place."""

BLOCKS = frozenset({"llada2", "sdar", "block_llama", "fast_dllm_qwen", "fast_dllm_qwen2"})
"""Families and model types that are trained to write block after block."""


def family_of(model_type: str) -> str:
    """The family of a model type; a family's own name stays as it is."""
    return FAMILY_OF.get(model_type.lower(), model_type.lower())
