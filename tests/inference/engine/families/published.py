"""Model folders as they are published, scaled down: file names, keys and fields of config.json.

Sizes and ids are small ones; every other field stands as in the repository that `source` names.
Tokens that are special or added have here the texts and flags that they have there.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, processors

from inference.engine import checkpoint
from inference.engine.pieces import byte_table

ROWS = 320
SIZES = {
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "vocab_size": ROWS,
}


@dataclass(frozen=True)
class Published:
    """A repository: its config.json, the keys of its first layer, its tokenizer and other files.

    `tokens`: text → (id, special). `tokenizer`: the tokenizer's files, "json" or "bpe".
    """

    source: str
    config: dict[str, Any]
    layer: tuple[str, ...]
    others: tuple[str, ...]
    tokens: dict[str, tuple[int, bool]]
    tokenizer: str = "json"
    begin: str | None = None
    tokenizer_config: dict[str, Any] = field(default_factory=dict)
    files: dict[str, Any] = field(default_factory=dict)
    shards: int = 1


def _keys(prefix: str, *names: str) -> tuple[str, ...]:
    return tuple(f"{prefix}{name}.weight" for name in names)


LLAMA_BODY = _keys(
    "model.layers.0.",
    *("input_layernorm", "post_attention_layernorm"),
    *("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj"),
)
MLP = _keys("model.layers.0.mlp.", "gate_proj", "up_proj", "down_proj")
QWEN2_LAYER = (
    *LLAMA_BODY,
    *MLP,
    *(f"model.layers.0.self_attn.{part}_proj.bias" for part in "qkv"),
)
QK_NORM = _keys("model.layers.0.self_attn.", "q_norm", "k_norm")
TOP = ("model.embed_tokens.weight", "model.norm.weight", "lm_head.weight")
QWEN_TOKENS = {
    "<|endoftext|>": (300, True),
    "<|im_start|>": (301, True),
    "<|im_end|>": (302, True),
    "<tool_call>": (303, False),
}

LLADA = Published(
    source="GSAI-ML/LLaDA-8B-Instruct",
    config={
        "activation_type": "silu",
        "alibi": False,
        "alibi_bias_max": 8.0,
        "architectures": ["LLaDAModelLM"],
        "attention_dropout": 0.0,
        "attention_layer_norm": False,
        "attention_layer_norm_with_affine": True,
        "auto_map": {
            "AutoConfig": "configuration_llada.LLaDAConfig",
            "AutoModel": "modeling_llada.LLaDAModelLM",
            "AutoModelForCausalLM": "modeling_llada.LLaDAModelLM",
        },
        "bias_for_layer_norm": False,
        "block_group_size": 1,
        "block_type": "llama",
        "d_model": 32,
        "embedding_dropout": 0.0,
        "embedding_size": ROWS,
        "eos_token_id": 300,
        "flash_attention": False,
        "include_bias": False,
        "include_qkv_bias": False,
        "init_cutoff_factor": None,
        "init_device": "meta",
        "init_fn": "mitchell",
        "init_std": 0.02,
        "input_emb_norm": False,
        "layer_norm_type": "rms",
        "layer_norm_with_affine": True,
        "mask_token_id": 310,
        "max_sequence_length": 4096,
        "mlp_hidden_size": 48,
        "mlp_ratio": 4,
        "model_type": "llada",
        "multi_query_attention": None,
        "n_heads": 4,
        "n_kv_heads": 4,
        "n_layers": 2,
        "pad_token_id": 300,
        "precision": "amp_bf16",
        "residual_dropout": 0.0,
        "rms_norm_eps": 1e-05,
        "rope": True,
        "rope_full_precision": True,
        "rope_theta": 500000.0,
        "scale_logits": False,
        "torch_dtype": "bfloat16",
        "transformers_version": "4.46.3",
        "use_cache": False,
        "vocab_size": ROWS,
        "weight_tying": False,
    },
    layer=_keys(
        "model.transformer.blocks.0.",
        *("attn_norm", "q_proj", "k_proj", "v_proj", "attn_out"),
        *("ff_norm", "ff_proj", "up_proj", "ff_out"),
    ),
    others=_keys("model.transformer.", "wte", "ln_f", "ff_out"),
    tokens={
        "<|endoftext|>": (300, True),
        "<|startoftext|>": (301, True),
        "<|start_header_id|>": (302, True),
        "<|end_header_id|>": (303, True),
        "<|eot_id|>": (304, True),
        "<|mdm_mask|>": (310, True),
    },
    begin="<|startoftext|>",
    tokenizer_config={
        "add_bos_token": False,
        "add_eos_token": False,
        "bos_token": "<|startoftext|>",
        "tokenizer_class": "PreTrainedTokenizerFast",
    },
    shards=6,
)
DREAM = Published(
    source="Dream-org/Dream-v0-Instruct-7B",
    config={
        **SIZES,
        "architectures": ["DreamModel"],
        "attention_dropout": 0.0,
        "auto_map": {
            "AutoConfig": "configuration_dream.DreamConfig",
            "AutoModel": "modeling_dream.DreamModel",
        },
        "bos_token_id": 300,
        "eos_token_id": 300,
        "hidden_act": "silu",
        "initializer_range": 0.02,
        "mask_token_id": 311,
        "max_position_embeddings": 131072,
        "max_window_layers": 28,
        "model_type": "Dream",
        "pad_token_id": 300,
        "rms_norm_eps": 1e-06,
        "rope_scaling": None,
        "rope_theta": 1000000.0,
        "sliding_window": None,
        "tie_word_embeddings": False,
        "torch_dtype": "bfloat16",
        "transformers_version": "4.46.2",
        "use_cache": True,
        "use_mrope": False,
        "use_sliding_window": False,
    },
    layer=QWEN2_LAYER,
    others=TOP,
    tokens={**QWEN_TOKENS, "<|beginoftext|>": (310, True), "<|mask|>": (311, True)},
    tokenizer="bpe",
    tokenizer_config={
        "add_bos_token": False,
        "add_prefix_space": False,
        "additional_special_tokens": ["<|im_start|>", "<|im_end|>", "<|beginoftext|>", "<|mask|>"],
        "auto_map": {"AutoTokenizer": ["tokenization_dream.DreamTokenizer", None]},
        "bos_token": "<|beginoftext|>",
        "eos_token": "<|endoftext|>",
        "mask_token": "<|mask|>",
        "pad_token": "<|endoftext|>",
        "tokenizer_class": "DreamTokenizer",
        "unk_token": None,
    },
    files={"generation_config.json": {"bos_token_id": 300, "eos_token_id": 300, "alg": "origin"}},
    shards=4,
)
DREAMON = Published(
    source="Dream-org/DreamOn-v0-7B",
    config=DREAM.config,
    layer=QWEN2_LAYER,
    others=TOP,
    tokens={**DREAM.tokens, "<|expand|>": (312, True)},
    tokenizer="bpe",
    tokenizer_config=DREAM.tokenizer_config,
    shards=4,
)
LLADA_MOE = Published(
    source="inclusionAI/LLaDA-MoE-7B-A1B-Instruct",
    config={
        **{key: value for key, value in SIZES.items() if key != "intermediate_size"},
        "architectures": ["LLaDAMoEModelLM"],
        "attention_bias": False,
        "attention_dropout": 0.0,
        "clip_qkv": None,
        "dense_intermediate_size": 48,
        "eos_token_id": 300,
        "expert_intermediate_size": 16,
        "hidden_act": "silu",
        "max_position_embeddings": 8192,
        "model_type": "llada",
        "moe_layer_freq": [1, 1],
        "moe_router_score_function": "softmax",
        "num_experts": 4,
        "num_experts_per_tok": 2,
        "num_key_value_heads": 4,
        "pad_token_id": 300,
        "qk_layernorm": True,
        "rms_norm_eps": 1e-05,
        "rope_scaling": None,
        "rope_theta": 50000,
        "shared_expert_intermediate_size": None,
        "tie_word_embeddings": False,
        "torch_dtype": "bfloat16",
    },
    layer=(
        *LLAMA_BODY,
        *QK_NORM,
        "model.layers.0.mlp.gate.weight",
        *(
            key
            for n in range(4)
            for key in _keys(
                f"model.layers.0.mlp.experts.{n}.", "gate_proj", "up_proj", "down_proj"
            )
        ),
    ),
    others=TOP,
    tokens={
        "<|endoftext|>": (300, True),
        "<|startoftext|>": (301, True),
        "<role>": (302, True),
        "</role>": (303, True),
        "<|role_end|>": (304, True),
        "<|mask|>": (310, True),
    },
    shards=3,
)
LLADA2 = Published(
    source="inclusionAI/LLaDA2.0-mini",
    config={
        **SIZES,
        "architectures": ["LLaDA2MoeModelLM"],
        "auto_map": {"AutoModelForCausalLM": "modeling_llada2_moe.LLaDA2MoeModelLM"},
        "dtype": "bfloat16",
        "first_k_dense_replace": 1,
        "head_dim": 8,
        "hidden_act": "silu",
        "initializer_range": 0.02,
        "max_position_embeddings": 32768,
        "model_type": "llada2_moe",
        "moe_intermediate_size": 16,
        "moe_router_enable_expert_bias": True,
        "n_group": 2,
        "norm_head": False,
        "norm_topk_prob": True,
        "num_experts": 8,
        "num_experts_per_tok": 2,
        "num_shared_experts": 1,
        "output_router_logits": False,
        "pad_token_id": 300,
        "partial_rotary_factor": 0.5,
        "rms_norm_eps": 1e-06,
        "rope_scaling": None,
        "rope_theta": 600000,
        "rotary_dim": 4,
        "routed_scaling_factor": 2.5,
        "router_dtype": "fp32",
        "score_function": "sigmoid",
        "tie_word_embeddings": False,
        "topk_group": 1,
        "use_bias": False,
        "use_qk_norm": True,
        "use_qkv_bias": False,
    },
    layer=(
        *_keys("model.layers.0.", "input_layernorm", "post_attention_layernorm"),
        *_keys("model.layers.0.attention.", "query_key_value", "dense"),
        *_keys("model.layers.0.attention.", "query_layernorm", "key_layernorm"),
        *MLP,
    ),
    others=("model.word_embeddings.weight", "model.norm.weight", "lm_head.weight"),
    tokens=LLADA_MOE.tokens,
    shards=2,
)
SDAR = Published(
    source="JetLM/SDAR-1.7B-Chat",
    config={
        **SIZES,
        "architectures": ["SDARForCausalLM"],
        "attention_bias": False,
        "attention_dropout": 0.0,
        "auto_map": {"AutoModelForCausalLM": "modeling_sdar.SDARForCausalLM"},
        "bos_token_id": 300,
        "debug": False,
        "eos_token_id": 300,
        "ep_size": 1,
        "fuse_cross_entropy": True,
        "head_dim": 8,
        "hidden_act": "silu",
        "initializer_range": 0.02,
        "mask_token_id": 310,
        "max_position_embeddings": 32768,
        "max_window_layers": 28,
        "micro_forward": False,
        "model_type": "sdar",
        "rms_norm_eps": 1e-06,
        "rope_scaling": None,
        "rope_theta": 1000000,
        "sliding_window": None,
        "tie_word_embeddings": False,
        "torch_dtype": "bfloat16",
        "use_cache": False,
        "use_sliding_window": False,
    },
    layer=(*LLAMA_BODY, *QK_NORM, *MLP),
    others=TOP,
    tokens={**QWEN_TOKENS, "<|MASK|>": (310, True)},
    tokenizer_config={"chat_template": "{{- '<|im_start|>' + message.role }}"},
)
A2D = Published(
    source="dllm-hub/Qwen3-0.6B-diffusion-mdlm-v0.1",
    config={
        **SIZES,
        "architectures": ["A2DQwen3LMHeadModel"],
        "attention_bias": False,
        "auto_map": {"AutoModelForMaskedLM": "modeling_qwen3.A2DQwen3LMHeadModel"},
        "dtype": "bfloat16",
        "eos_token_id": 302,
        "head_dim": 8,
        "hidden_act": "silu",
        "layer_types": ["full_attention", "full_attention"],
        "max_position_embeddings": 32768,
        "model_type": "a2d-qwen3",
        "pad_token_id": 300,
        "rms_norm_eps": 1e-06,
        "rope_parameters": {"rope_theta": 1000000, "rope_type": "default"},
        "sliding_window": None,
        "tie_word_embeddings": True,
        "use_sliding_window": False,
    },
    layer=(*LLAMA_BODY, *QK_NORM, *MLP),
    others=TOP[:2],
    tokens={**QWEN_TOKENS, "<|mask|>": (310, True)},
)
FAST_DLLM = Published(
    source="Efficient-Large-Model/Fast_dLLM_v2_1.5B",
    config={
        **SIZES,
        "architectures": ["Fast_dLLM_QwenForCausalLM"],
        "attention_dropout": 0.0,
        "auto_map": {"AutoModelForCausalLM": "modeling.Fast_dLLM_QwenForCausalLM"},
        "bd_size": 32,
        "bos_token_id": 300,
        "eos_token_id": 302,
        "hidden_act": "silu",
        "max_position_embeddings": 32768,
        "model_type": "Fast_dLLM_Qwen",
        "rms_norm_eps": 1e-06,
        "rope_scaling": None,
        "rope_theta": 1000000.0,
        "sliding_window": None,
        "tie_word_embeddings": True,
        "torch_dtype": "bfloat16",
        "use_sliding_window": False,
    },
    layer=QWEN2_LAYER,
    others=TOP[:2],
    tokens={**QWEN_TOKENS, "|<MASK>|": (310, True)},
    tokenizer_config={
        "chat_template": "{{- '<|im_start|>system\\nYou are Qwen, created by Alibaba Cloud. "
        "You are a helpful assistant.<|im_end|>\\n' }}",
        "tokenizer_class": "Qwen2Tokenizer",
    },
    files={"generation_config.json": {"eos_token_id": [302, 300], "pad_token_id": 300}},
)
MODERNBERT = Published(
    source="dllm-hub/ModernBERT-base-chat-v0.1",
    config={
        **{key: value for key, value in SIZES.items() if key != "num_key_value_heads"},
        "architectures": ["ModernBertForMaskedLM"],
        "attention_bias": False,
        "attention_dropout": 0.0,
        "bos_token_id": 301,
        "classifier_activation": "gelu",
        "classifier_bias": False,
        "classifier_pooling": "mean",
        "cls_token_id": 301,
        "decoder_bias": True,
        "embedding_dropout": 0.0,
        "eos_token_id": 302,
        "global_attn_every_n_layers": 3,
        "global_rope_theta": 160000.0,
        "gradient_checkpointing": False,
        "hidden_activation": "gelu",
        "initializer_range": 0.02,
        "layer_norm_eps": 1e-05,
        "local_attention": 128,
        "local_rope_theta": 10000.0,
        "max_position_embeddings": 8192,
        "mlp_bias": False,
        "mlp_dropout": 0.0,
        "model_type": "modernbert",
        "norm_bias": False,
        "norm_eps": 1e-05,
        "pad_token_id": 300,
        "position_embedding_type": "absolute",
        "sep_token_id": 302,
        "tie_word_embeddings": True,
        "torch_dtype": "float32",
    },
    layer=_keys("model.layers.0.", "attn.Wqkv", "attn.Wo", "mlp_norm", "mlp.Wi", "mlp.Wo"),
    others=(
        *_keys("model.embeddings.", "tok_embeddings", "norm"),
        *_keys("", "model.final_norm", "head.dense", "head.norm"),
        "decoder.bias",
    ),
    tokens={
        "[PAD]": (300, True),
        "[CLS]": (301, True),
        "[SEP]": (302, True),
        "[MASK]": (310, True),
        "  ": (311, False),
    },
    begin="[CLS]",
)
GEMMA_LAYER = "model.encoder.language_model.layers.0."
GEMMA = Published(
    source="google/diffusiongemma-26B-A4B-it",
    config={
        "architectures": ["DiffusionGemmaForBlockDiffusion"],
        "canvas_length": 256,
        "dtype": "bfloat16",
        "model_type": "diffusion_gemma",
        "text_config": {
            **SIZES,
            "attention_bias": False,
            "final_logit_softcapping": 30.0,
            "global_head_dim": 8,
            "head_dim": 8,
            "layer_types": ["sliding_attention", "full_attention"],
            "max_position_embeddings": 262144,
            "model_type": "diffusion_gemma_text",
            "moe_intermediate_size": 16,
            "num_experts": 4,
            "num_global_key_value_heads": 2,
            "rope_parameters": {
                "full_attention": {
                    "partial_rotary_factor": 0.25,
                    "rope_theta": 1000000.0,
                    "rope_type": "proportional",
                },
                "sliding_attention": {"rope_theta": 10000.0, "rope_type": "default"},
            },
            "sliding_window": 1024,
            "top_k_experts": 2,
        },
        "vision_config": {
            "head_dim": 8,
            "hidden_size": 16,
            "intermediate_size": 24,
            "model_type": "gemma4_vision",
            "num_attention_heads": 2,
            "num_hidden_layers": 1,
            "num_key_value_heads": 2,
        },
    },
    layer=(
        *(
            f"{GEMMA_LAYER}{name}_layernorm.weight"
            for name in ("input", "post_attention", "pre_feedforward", "post_feedforward")
        ),
        *(
            f"{GEMMA_LAYER}{name}.weight"
            for name in (
                "post_feedforward_layernorm_1",
                "post_feedforward_layernorm_2",
                "pre_feedforward_layernorm_2",
                "router.proj",
                "mlp.gate_proj",
                "mlp.up_proj",
                "mlp.down_proj",
                *(
                    f"self_attn.{part}"
                    for part in ("q_proj", "k_proj", "v_proj", "o_proj", "q_norm", "k_norm")
                ),
            )
        ),
        *(
            f"{GEMMA_LAYER}{name}"
            for name in (
                "layer_scalar",
                "router.scale",
                "router.per_expert_scale",
                "experts.gate_up_proj",
                "experts.down_proj",
            )
        ),
    ),
    others=(),
    tokens={
        "<pad>": (300, True),
        "<eos>": (301, True),
        "<bos>": (302, True),
        "<turn|>": (303, True),
        "<|turn>": (304, True),
        "<tool|>": (305, True),
    },
    begin="<bos>",
    files={"generation_config.json": {"eos_token_id": [301, 303, 305], "pad_token_id": 300}},
    shards=2,
)
ALL = {
    row.source: row
    for row in (LLADA, DREAM, DREAMON, LLADA_MOE, LLADA2, SDAR, A2D, FAST_DLLM, MODERNBERT, GEMMA)
}


def write_published(directory: Path, row: Published) -> Path:
    """The folder of a repository with random weights. Answers it."""
    directory.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(0)
    model = checkpoint.build(row.config)
    _write_shards(directory, checkpoint.export_state(model, row.config), row.shards)
    tokenizer = _tokenizer(row)
    if row.tokenizer == "json":
        tokenizer.save(str(directory / "tokenizer.json"))
    else:
        _write_bpe(directory, row)
    files = {
        "config.json": row.config,
        "tokenizer_config.json": {**_decoder_table(row), **row.tokenizer_config},
        **row.files,
    }
    for name, content in files.items():
        (directory / name).write_text(json.dumps(content))
    return directory


def _write_shards(directory: Path, state: dict[str, torch.Tensor], count: int) -> None:
    if count == 1:
        save_file(state, directory / "model.safetensors")
        return
    names = sorted(state)
    index: dict[str, Any] = {"metadata": {}, "weight_map": {}}
    for number in range(count):
        file = f"model-{number + 1:05}-of-{count:05}.safetensors"
        part = names[number::count]
        save_file({name: state[name] for name in part}, directory / file)
        index["weight_map"] |= dict.fromkeys(part, file)
    (directory / "model.safetensors.index.json").write_text(json.dumps(index))


def vocabulary() -> dict[str, int]:
    """Bytes, two merged tokens, and fillers up to the first special id."""
    table = {character: n for n, character in enumerate(byte_table())}
    return table | {"he": 256, "Ġhe": 257} | {f"zz{n}": n for n in range(258, 300)}


MERGES = [("h", "e"), ("Ġ", "he")]


def _tokenizer(row: Published) -> Tokenizer:
    made = Tokenizer(models.BPE(vocab=vocabulary() | _fillers(row), merges=MERGES))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    for text, (_, special) in row.tokens.items():
        made.add_tokens([AddedToken(text, special=special, normalized=False)])
    if row.begin is not None:
        ids = [(row.begin, row.tokens[row.begin][0])]
        made.post_processor = processors.TemplateProcessing(
            single=f"{row.begin} $A", special_tokens=ids
        )
    return made


def _fillers(row: Published) -> dict[str, int]:
    """Names for the ids between the special ones; those take theirs from the vocabulary."""
    taken = {number: text for text, (number, _) in row.tokens.items()}
    last = max(taken)
    return {taken.get(n, f"zz{n}"): n for n in range(300, last + 1)}


def _write_bpe(directory: Path, row: Published) -> None:
    (directory / "vocab.json").write_text(json.dumps(vocabulary(), ensure_ascii=False))
    lines = ["#version: 0.2", *(" ".join(pair) for pair in MERGES), ""]
    (directory / "merges.txt").write_text("\n".join(lines))
    ids = {text: number for text, (number, _) in row.tokens.items()}
    (directory / "added_tokens.json").write_text(json.dumps(ids))
    special = {"bos_token": "<|beginoftext|>", "eos_token": "<|endoftext|>"}
    (directory / "special_tokens_map.json").write_text(json.dumps(special))


def _decoder_table(row: Published) -> dict[str, Any]:
    flags = dict.fromkeys(("lstrip", "normalized", "rstrip", "single_word"), False)
    return {
        "added_tokens_decoder": {
            str(number): {"content": text, "special": special, **flags}
            for text, (number, special) in row.tokens.items()
        }
    }
