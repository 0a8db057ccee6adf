"""Tiny random GGUF files, written by the package gguf as llama.cpp's converter writes them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gguf
import numpy as np
import torch
from gguf import GGMLQuantizationType as Kind

from tests.inference.engine.causal.tiny import CONTEXT, MARKS, MERGES, byte_tokenizer

WIDTH, INNER, HEADS, GROUPS, LAYERS = 256, 512, 4, 2, 2
HEAD = {"llama": 64, "qwen2": 64, "qwen3": 128, "gemma2": 64}  # 128 is all that transformers reads
NORMS = {
    "llama": ("attn_norm", "ffn_norm"),
    "qwen2": ("attn_norm", "ffn_norm"),
    "qwen3": ("attn_norm", "ffn_norm"),
    "gemma2": ("attn_norm", "post_attention_norm", "ffn_norm", "post_ffw_norm"),
}


def vocabulary() -> list[str]:
    """The tokens of `byte_tokenizer` in the order of their ids."""
    tokens = byte_tokenizer().get_vocab()
    return sorted(tokens, key=tokens.__getitem__)


def write_gguf(
    path: Path,
    architecture: str = "llama",
    kind: Kind = Kind.F32,
    factors: torch.Tensor | None = None,
    **changed: Any,
) -> Path:
    """A file with one layer type; `changed` replaces or removes (None) metadata by suffix.

    `factors` of the rotation's frequencies make a tensor of their own.
    """
    writer = gguf.GGUFWriter(path, architecture)
    for key, value in {**metadata(architecture), **changed}.items():
        _add(writer, key, value)
    for name, shape in shapes(architecture).items():
        _add_tensor(writer, name, shape, kind)
    if factors is not None:
        writer.add_tensor("rope_freqs.weight", factors.numpy())
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def metadata(architecture: str) -> dict[str, Any]:
    tokens = vocabulary()
    return {
        f"{architecture}.block_count": LAYERS,
        f"{architecture}.context_length": CONTEXT,
        f"{architecture}.embedding_length": WIDTH,
        f"{architecture}.feed_forward_length": INNER,
        f"{architecture}.attention.head_count": HEADS,
        f"{architecture}.attention.head_count_kv": GROUPS,
        f"{architecture}.attention.key_length": HEAD[architecture],
        f"{architecture}.attention.layer_norm_rms_epsilon": 1e-5,
        f"{architecture}.attention.sliding_window": 8,
        f"{architecture}.attn_logit_softcapping": 50.0,
        f"{architecture}.final_logit_softcapping": 30.0,
        f"{architecture}.rope.freq_base": 20000.0,
        f"{architecture}.rope.dimension_count": HEAD[architecture],
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.pre": "gpt-2",
        "tokenizer.ggml.tokens": tokens,
        "tokenizer.ggml.token_type": [3 if token in MARKS else 1 for token in tokens],
        "tokenizer.ggml.merges": MERGES,
        "tokenizer.ggml.bos_token_id": len(tokens) - 3,
        "tokenizer.ggml.eos_token_id": len(tokens) - 1,
    }


def shapes(architecture: str) -> dict[str, tuple[int, ...]]:
    head = HEAD[architecture]
    found: dict[str, tuple[int, ...]] = {"token_embd.weight": (len(vocabulary()), WIDTH)}
    for layer in range(LAYERS):
        at = f"blk.{layer}."
        found |= {f"{at}{norm}.weight": (WIDTH,) for norm in NORMS[architecture]}
        found |= {
            f"{at}attn_q.weight": (HEADS * head, WIDTH),
            f"{at}attn_k.weight": (GROUPS * head, WIDTH),
            f"{at}attn_v.weight": (GROUPS * head, WIDTH),
            f"{at}attn_output.weight": (WIDTH, HEADS * head),
            f"{at}ffn_gate.weight": (INNER, WIDTH),
            f"{at}ffn_up.weight": (INNER, WIDTH),
            f"{at}ffn_down.weight": (WIDTH, INNER),
        }
        if architecture == "qwen2":
            found |= {f"{at}attn_q.bias": (HEADS * head,)}
            found |= {f"{at}attn_{part}.bias": (GROUPS * head,) for part in "kv"}
        if architecture == "qwen3":
            found |= {f"{at}attn_{part}_norm.weight": (head,) for part in "qk"}
    found["output_norm.weight"] = (WIDTH,)
    return (
        found
        if architecture == "gemma2"
        else {**found, "output.weight": found["token_embd.weight"]}
    )


def _add(writer: gguf.GGUFWriter, key: str, value: Any) -> None:
    if isinstance(value, list):
        writer.add_array(key, value)
    elif value is not None:
        kinds: dict[type, Any] = {
            str: writer.add_string,
            bool: writer.add_bool,
            float: writer.add_float32,
            int: writer.add_uint32,
        }
        kinds[type(value)](key, value)


def _add_tensor(writer: gguf.GGUFWriter, name: str, shape: tuple[int, ...], kind: Kind) -> None:
    """Matrices of the wanted type; what the package cannot quantize is random bytes of it."""
    generator = torch.Generator().manual_seed(sum(name.encode()))
    value = torch.randn(shape, generator=generator).numpy() * 0.1
    if len(shape) == 1 or kind == Kind.F32:
        writer.add_tensor(name, value.astype(np.float32))
        return
    writer.add_tensor(name, quantized(value, kind, generator), raw_dtype=kind)


def quantized(value: Any, kind: Kind, generator: torch.Generator) -> Any:
    try:
        return gguf.quantize(value.astype(np.float32), kind)
    except NotImplementedError:
        return random_blocks(value.shape, kind, generator)


def random_blocks(shape: tuple[int, ...], kind: Kind, generator: torch.Generator) -> Any:
    """Random bits with scales near 0.001, wherever the type keeps them in a block."""
    values, size = gguf.GGML_QUANT_SIZES[kind]
    count = shape[0] * shape[1] // values
    raw = torch.randint(0, 256, (count, size), generator=generator, dtype=torch.uint8).numpy()
    small = np.frombuffer(np.float16(0.001).tobytes(), dtype=np.uint8)
    for place in SCALES[kind]:
        raw[:, place : place + 2] = small
    return raw.reshape(shape[0], -1)


SCALES = {
    # where a block keeps its scales in half precision (ggml-common.h of ggml-org/ggml)
    Kind.Q2_K: (80, 82),
    Kind.Q3_K: (108,),
    Kind.Q4_K: (0, 2),
    Kind.Q5_K: (0, 2),
    Kind.Q6_K: (208,),
}
