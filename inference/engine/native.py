"""Native transformers models for a family: built, allocated without weights, and taken apart."""

from __future__ import annotations

from collections.abc import Mapping

import torch
import transformers
from torch import nn

from inference.engine.errors import CheckpointError
from inference.engine.families.family import Family
from inference.engine.families.layout import Layout, build_layout
from inference.engine.families.values import Config


def unusable(error: Exception) -> CheckpointError:
    """What to raise when values of config.json made something else fail."""
    if isinstance(error, CheckpointError):
        return error
    said = str(error).strip().splitlines() or [type(error).__name__]
    message = f"config.json describes no model that can be built: {said[-1].strip()}."
    return CheckpointError(message, "config.json")


def weights_of(model: nn.Module, once: bool = True) -> dict[str, torch.Tensor]:
    """Parameters and stored buffers by name, [out, in] or [n], in their own dtypes.

    A tied one comes only under its first name if `once`.
    """
    found: dict[str, torch.Tensor] = dict(model.named_parameters(remove_duplicate=once))
    stored = model.state_dict()
    found.update({name: value for name, value in model.named_buffers() if name in stored})
    return found


def layout_of(weights: Mapping[str, torch.Tensor], family: Family, config: Config) -> Layout:
    """Where a checkpoint of the family holds weights of these names and shapes [out, in] or [n]."""
    shapes = {name: value.shape for name, value in weights.items()}
    return build_layout(shapes, family.rules(config))


def tied_keys(model: nn.Module, family: Family, config: Config) -> dict[str, list[str]]:
    """Key of a shared parameter → the other keys under which a checkpoint may hold it."""
    every = weights_of(model, once=False)
    names: dict[int, list[str]] = {}
    for name, value in every.items():
        names.setdefault(id(value), []).append(name)
    keys = [
        [_only_key(name, every[name], family, config) for name in group]
        for group in names.values()
        if len(group) > 1
    ]
    return {first: others for first, *others in keys}


def _only_key(name: str, value: torch.Tensor, family: Family, config: Config) -> str:
    return next(iter(layout_of({name: value}, family, config)))


def construct(family: Family, config: Config, tied: bool = True) -> nn.Module:
    """The native class, float32, with causal masking switched off before construction.

    `tied` false gives it an output head of its own whatever config.json says. Raises
    CheckpointError when config.json describes nothing that can be built.
    """
    try:
        native = getattr(transformers, family.config_class)(**family.native_config(config))
        if family.bidirectional:
            native.is_causal = False
        if not tied:
            native.tie_word_embeddings = False
        native.use_cache = False
        native._attn_implementation = family.attention
        model: nn.Module = getattr(transformers, family.model_class)(native)
    except Exception as error:  # any value may be wrong, and every class checks in its own way
        raise unusable(error) from None
    return model


def allocated(
    family: Family, config: Config, device: torch.device, dtype: torch.dtype, tied: bool = True
) -> nn.Module:
    """The model with uninitialised weights on the device; buffers keep their own precision.

    `tied` as in `construct`.
    """
    with torch.device("meta"):
        model = construct(family, config, tied)
    for parameter in model.parameters():
        parameter.data = parameter.data.to(dtype)
    model.to_empty(device=device)
    model.tie_weights()  # type: ignore[operator]
    for module in model.modules():
        _recompute_buffers(module, device)
    return model


def _recompute_buffers(module: nn.Module, device: torch.device) -> None:
    """Fills the buffers that no checkpoint holds (rotary frequencies) by building it anew."""
    names = module._non_persistent_buffers_set & set(module._buffers)
    if not names:
        return
    if "embed_scale" in names:
        module._buffers["embed_scale"] = torch.tensor(module.scalar_embed_scale, device=device)
        return
    with device:
        fresh = type(module)(config=module.config)
    for name in names:
        module._buffers[name] = fresh._buffers[name]
