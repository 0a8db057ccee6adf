"""DiffusionGemma, native: an encoder for what stands, a decoder for a canvas of random tokens.

There is no mask token: what is open holds a random token, and every place of the canvas may change
until the canvas is settled. It is decoded by its own recipe (`diffusion_gemma`), which calls
`denoise` below.

Source: transformers, models/diffusion_gemma; weights google/diffusiongemma-26B-A4B-it.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from inference.engine.errors import InputError, NonFiniteError
from inference.engine.families.family import Family
from inference.engine.families.rotary import check_rotary
from inference.engine.families.spec import ModelSpec
from inference.engine.families.values import (
    Config,
    TokenLookup,
    eos_ids,
    natural,
    required,
    special_id,
)

CANVAS = 256
LAYERS = ("full_attention", "sliding_attention")
NOISE = {"architectures", "auto_map", "dtype", "model_type", "torch_dtype", "transformers_version"}


def native_config(config: Config) -> dict[str, Any]:
    check_rotary(required(config, "text_config"), LAYERS)
    return {key: value for key, value in config.items() if key not in NOISE}


def spec(config: Config, lookup: TokenLookup) -> ModelSpec:
    text = required(config, "text_config")
    return ModelSpec(
        family="diffusion_gemma",
        vocab_size=required(text, "vocab_size"),
        context=required(text, "max_position_embeddings"),
        mask_id=None,
        **eos_ids(text if config.get("eos_token_id") is None else config, lookup, "<eos>"),
        eot_id=lookup("<turn|>"),
        pad_id=special_id(text, "pad_token_id", lookup, "<pad>"),
        bos_id=special_id(text, "bos_token_id", lookup, "<bos>"),
        noise="uniform",
        length="blocks",
        canvas_length=natural(config, "canvas_length") or CANVAS,
    )


def body(model: nn.Module, *args: Any, **kwargs: Any) -> Tensor:
    """Raises InputError: a plain forward over ids [B, L] has no meaning here, where the canvas must
    be told from what stands before it.
    """
    raise InputError("This model is decoded by the recipe diffusion_gemma only.", "recipe")


@torch.inference_mode()
def denoise(model: nn.Module, given: Tensor, canvas: Tensor, before: Tensor | None) -> Tensor:
    """float32 logits [n, V] for a canvas [n] behind given tokens [m ≥ 1].

    `before` [n, V] are the logits of the previous step, for self-conditioning. Raises
    NonFiniteError.
    """
    run: Any = model
    output = run(
        input_ids=given[None],
        decoder_input_ids=canvas[None],
        self_conditioning_logits=None if before is None else before[None],
    )
    logits: Tensor = output.logits[0].float()
    fine = torch.isfinite(logits.sum(-1))
    if not bool(fine.all()):
        raise NonFiniteError(len(given) + int((~fine).int().argmax()))
    return logits


FAMILY = Family(
    name="diffusion_gemma",
    model_types=("diffusion_gemma",),
    architectures=("DiffusionGemmaForBlockDiffusion",),
    config_class="DiffusionGemmaConfig",
    model_class="DiffusionGemmaForBlockDiffusion",
    native_config=native_config,
    spec=spec,
    bidirectional=False,
    body=body,
    own_masks=False,
)
