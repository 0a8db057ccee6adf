"""Qwen2.5 conversions: dllm's (same position) and Fast-dLLM v2 (shifted, blocks) → Qwen2.

Source: ZHZisZZ/dllm; NVlabs/Fast-dLLM (arXiv 2509.26328), Efficient-Large-Model/Fast_dLLM_v2_7B.
"""

from __future__ import annotations

from dataclasses import replace

from inference.engine.families import qwen3
from inference.engine.families.dream import native_config
from inference.engine.families.family import Family
from inference.engine.families.spec import ModelSpec
from inference.engine.families.values import Config, TokenLookup, natural

FAST_BLOCK = 32
SYSTEM = "You are a helpful assistant."


def spec(config: Config, lookup: TokenLookup) -> ModelSpec:
    plain = replace(qwen3.spec(config, lookup), family="qwen2", system=SYSTEM)
    if not str(config.get("model_type")).lower().startswith("fast_dllm"):
        return plain
    block = natural(config, "bd_size") or natural(config, "block_size") or FAST_BLOCK
    return replace(plain, predict="shifted", attention="block", block_size=block, length="blocks")


FAMILY = Family(
    name="qwen2",
    model_types=("a2d-qwen2", "Fast_dLLM_Qwen", "Fast_dLLM_Qwen2"),
    architectures=("A2DQwen2LMHeadModel", "Fast_dLLM_QwenForCausalLM"),
    config_class="Qwen2Config",
    model_class="Qwen2ForCausalLM",
    native_config=native_config,
    spec=spec,
)
