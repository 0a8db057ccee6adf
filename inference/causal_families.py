"""Autoregressive architectures that are loaded into native transformers classes.

Names only, so that the registry can tell a directory's kind without a tensor library; the engine
makes families of them (`inference.engine.families.causal`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple


class CausalFamily(NamedTuple):
    """`model_type` and `architecture` as config.json has them; `config` names the native class.

    The native model class has the architecture's name.
    """

    label: str
    model_type: str
    architecture: str
    config: str


CAUSAL_FAMILIES: dict[str, CausalFamily] = {
    row.model_type: row
    for row in (
        CausalFamily("Llama, SmolLM2", "llama", "LlamaForCausalLM", "LlamaConfig"),
        CausalFamily("Mistral", "mistral", "MistralForCausalLM", "MistralConfig"),
        CausalFamily("Qwen2, Qwen2.5", "qwen2", "Qwen2ForCausalLM", "Qwen2Config"),
        CausalFamily("Qwen3", "qwen3", "Qwen3ForCausalLM", "Qwen3Config"),
        CausalFamily("Gemma", "gemma", "GemmaForCausalLM", "GemmaConfig"),
        CausalFamily("Gemma 2", "gemma2", "Gemma2ForCausalLM", "Gemma2Config"),
        CausalFamily("Gemma 3", "gemma3_text", "Gemma3ForCausalLM", "Gemma3TextConfig"),
        CausalFamily("GPT-2", "gpt2", "GPT2LMHeadModel", "GPT2Config"),
        CausalFamily("GPT-NeoX, Pythia", "gpt_neox", "GPTNeoXForCausalLM", "GPTNeoXConfig"),
        CausalFamily("Phi", "phi", "PhiForCausalLM", "PhiConfig"),
        CausalFamily("Phi-3", "phi3", "Phi3ForCausalLM", "Phi3Config"),
        CausalFamily("SmolLM3", "smollm3", "SmolLM3ForCausalLM", "SmolLM3Config"),
        CausalFamily("OLMo 2", "olmo2", "Olmo2ForCausalLM", "Olmo2Config"),
        CausalFamily("StarCoder2", "starcoder2", "Starcoder2ForCausalLM", "Starcoder2Config"),
        CausalFamily("StableLM", "stablelm", "StableLmForCausalLM", "StableLmConfig"),
        CausalFamily("Granite", "granite", "GraniteForCausalLM", "GraniteConfig"),
    )
}


def is_causal(config: Mapping[str, Any]) -> bool:
    """Whether config.json describes a model that writes from left to right."""
    model_type = config.get("model_type")
    return isinstance(model_type, str) and model_type in CAUSAL_FAMILIES
