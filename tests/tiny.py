"""A tiny random LLaDA directory: real files, real loading, no training."""

from __future__ import annotations

import json
import string
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

from inference.engine import checkpoint
from inference.engine.chat_templates import MARKS
from inference.engine.pieces import byte_table

LETTERS = [*string.ascii_lowercase, *string.digits, *"ABCDEFGHIJKLMNOPQRSTUVWXYZ.,:;!?+-=*/()'\"Ġ"]
MASK, END = "<|mdm_mask|>", "<|endoftext|>"
CONTEXT = 160


def tiny_model(
    directory: Path,
    seed: int = 0,
    width: int = 32,
    layers: int = 2,
    context: int = CONTEXT,
    chat: bool = False,
    every_byte: bool = False,
) -> Path:
    """Writes config.json, model.safetensors, tokenizer.json and unmask.json; answers the path.

    `chat`: the tokenizer has the marks of LLaDA's chat template, so that it reads conversations.
    `every_byte`: it reads any text, not letters alone.
    """
    directory.mkdir(parents=True, exist_ok=True)
    letters = list(byte_table()) if every_byte else LETTERS
    tokenizer = _tokenizer(letters, MARKS["llada"] if chat else ())
    tokenizer.save(str(directory / "tokenizer.json"))
    config = _config(tokenizer, width, layers, context)
    torch.manual_seed(seed)
    checkpoint.save(checkpoint.build(config), config, directory)
    card = {
        "label": f"Tiny {seed}",
        "kind": "diffusion",
        "trained_on": "Nothing: random weights for tests.",
        "context": context,
        "examples": [{"prompt": "hello", "gen_length": 8, "block_length": 8}],
    }
    (directory / "unmask.json").write_text(json.dumps(card))
    return directory


def _tokenizer(letters: Sequence[str], marks: Sequence[str]) -> Tokenizer:
    pieces = [*letters, MASK, END, *marks]
    vocabulary = {piece: number for number, piece in enumerate(pieces)}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([MASK, END, *marks])
    return tokenizer


def _config(tokenizer: Tokenizer, width: int, layers: int, context: int) -> dict[str, Any]:
    return {
        "architectures": ["LLaDAModelLM"],
        "model_type": "llada",
        "block_type": "llama",
        "activation_type": "silu",
        "layer_norm_type": "rms",
        "rope": True,
        "d_model": width,
        "n_layers": layers,
        "n_heads": 4,
        "n_kv_heads": 4,
        "mlp_hidden_size": 2 * width,
        "vocab_size": tokenizer.get_vocab_size(),
        "embedding_size": tokenizer.get_vocab_size(),
        "max_sequence_length": context,
        "mask_token_id": tokenizer.token_to_id(MASK),
        "eos_token_id": tokenizer.token_to_id(END),
        "torch_dtype": "float32",
    }
