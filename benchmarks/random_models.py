"""Random models of a given shape: what is measured is arithmetic, not quality."""

from __future__ import annotations

import torch
from transformers import LlamaConfig, LlamaForCausalLM

LLADA_VOCABULARY = 126_464


def llama_shape(
    vocabulary: int, width: int, layers: int, heads: int, hidden: int, seed: int = 0
) -> LlamaForCausalLM:
    """A bidirectional random Llama in evaluation mode, float32 on the CPU."""
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=vocabulary,
        hidden_size=width,
        intermediate_size=hidden,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        num_key_value_heads=heads,
        max_position_embeddings=1024,
        tie_word_embeddings=False,
    )
    config.is_causal = False
    return LlamaForCausalLM(config).eval()


def small_body_large_vocabulary() -> LlamaForCausalLM:
    """A small body under the LLaDA vocabulary: the post-processing dominates, as in real use."""
    return llama_shape(LLADA_VOCABULARY, width=256, layers=4, heads=4, hidden=704)
