"""Tiny random causal models of each family, written to disk by transformers itself."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
import transformers
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

from inference.causal_families import CAUSAL_FAMILIES
from inference.engine.pieces import byte_table

WORDS = ["he", "ll", "hell", "hello", "Ġw", "or", "Ġwor", "ld", "Ġworld"]
MERGES = ["h e", "l l", "he ll", "hell o", "Ġ w", "o r", "Ġw or", "l d", "Ġwor ld"]
MARKS = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
CONTEXT = 96
BODY = {
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": CONTEXT,
}
GPT = {"n_embd": 32, "n_layer": 3, "n_head": 4, "n_positions": CONTEXT}
OWN: dict[str, dict[str, Any]] = {
    # what a family needs besides the common sizes, so that its peculiarities take part
    "mistral": {"sliding_window": 8},
    "qwen2": {"use_sliding_window": True, "sliding_window": 8, "max_window_layers": 1},
    "qwen3": {"head_dim": 8},
    "gemma": {"head_dim": 8},
    "gemma2": {"head_dim": 8, "sliding_window": 8, "query_pre_attn_scalar": 8},
    "gemma3_text": {"head_dim": 8, "sliding_window": 8, "query_pre_attn_scalar": 8},
    "phi3": {"sliding_window": 8},
    "starcoder2": {"sliding_window": 8},
    "granite": {"logits_scaling": 2.0, "residual_multiplier": 0.5},
}


def byte_tokenizer() -> Tokenizer:
    """Byte-level BPE: every byte is a token, some words are, and three markers."""
    tokens = [*byte_table(), *WORDS]
    merges = [(first, second) for first, second in (merge.split(" ") for merge in MERGES)]
    vocabulary = {token: number for number, token in enumerate(tokens)}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=merges))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(MARKS)
    return tokenizer


def native_model(family: str, seed: int = 0) -> Any:
    """A random model of a family, as transformers makes it."""
    row, size = CAUSAL_FAMILIES[family], byte_tokenizer().get_vocab_size()
    ids = {"bos_token_id": size - 3, "eos_token_id": size - 1, "pad_token_id": size - 3}
    body = GPT if family == "gpt2" else {**BODY, **OWN.get(family, {})}
    config = getattr(transformers, row.config)(vocab_size=size, **ids, **body)
    config._attn_implementation = "eager" if family == "gemma2" else "sdpa"
    torch.manual_seed(seed)
    model = getattr(transformers, row.architecture)(config).eval()
    for parameter in model.parameters():  # the usual small weights make every token as likely
        if parameter.dim() > 1:
            torch.nn.init.normal_(parameter, std=0.25)
    return model


def write_model(directory: Path, family: str = "llama", seed: int = 0) -> Path:
    """The directory of such a model: config, weights, tokenizer, chat template."""
    native_model(family, seed).save_pretrained(directory)
    byte_tokenizer().save(str(directory / "tokenizer.json"))
    (directory / "tokenizer_config.json").write_text(json.dumps({"chat_template": CHATML}))
    return directory


CHATML = (
    "{% for message in messages %}{{'<|im_start|>' + message['role'] + '\n' + message['content'] "
    "+ '<|im_end|>' + '\n'}}{% endfor %}"
    "{% if add_generation_prompt %}{{'<|im_start|>assistant\n'}}{% endif %}"
)
