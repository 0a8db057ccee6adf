"""From a model directory to a running native model, and back to a directory.

config.json is read as data and `auto_map` is ignored: no code of a checkpoint is ever executed, and
weights come from safetensors only.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import nn

from inference.engine.adapters import FoldedWeights
from inference.engine.chat_templates import MARKS
from inference.engine.config_checks import check_values
from inference.engine.errors import CheckpointError
from inference.engine.families import family_of
from inference.engine.families.family import Family
from inference.engine.families.layout import read_key
from inference.engine.families.spec import ModelSpec
from inference.engine.families.values import Config
from inference.engine.input_tables import set_mask_vector, share_table
from inference.engine.model_files import ModelFiles, Weights
from inference.engine.native import construct, layout_of, unusable, weights_of
from inference.engine.open_model import open_files
from inference.engine.placement import (
    DeviceMap,
    Placement,
    check_options,
    dispatched,
    quantized,
)
from inference.engine.precisions import Choice, dtype_for
from inference.engine.tokenization import FILE as TOKENIZER_FILE
from inference.engine.tokenization import MISSING, Tokenizer
from inference.engine.weights import Cancel, Progress, Watch, filled, plan


@dataclass
class LoadedModel:
    """A model ready for forwards.

    `tokenizer` is None when the directory has no tokenizer.json. `weights_hash` is the sha256 of
    the safetensors file (of several: of their sha256 digests in order of name). `key` also covers
    config.json and the precision, so equal keys and equal ids mean equal logits.
    """

    path: str
    spec: ModelSpec
    family: Family
    config: dict[str, Any]
    model: nn.Module
    tokenizer: Tokenizer | None
    device: torch.device
    dtype: torch.dtype
    weights_hash: str
    tokenizer_hash: str | None
    key: str
    parameters: int
    quantization: str | None = None
    device_map: DeviceMap | None = None
    chat_template: str | None = None

    @property
    def context(self) -> int:
        """The longest sequence, prompt included, in tokens."""
        return self.spec.context


def load(
    path: str | Path,
    device: str | torch.device = "cpu",
    dtype: torch.dtype | str | Choice | None = None,
    progress: Progress | None = None,
    cancel: Cancel | None = None,
    device_map: DeviceMap | None = None,
    quantization: str | None = None,
    needs_tokenizer: bool = False,
) -> LoadedModel:
    """Loads a directory with config.json, *.safetensors and, usually, a tokenizer.

    Also a GGUF file of a causal model, or a directory with an adapter for another model.

    `dtype` None keeps the checkpoint's own; a function is given config.json, the own one and the
    number of parameters, once the files have been found to fit. `progress` is called with 0.0–1.0;
    when `cancel` answers true, LoadCancelled is raised. `device_map` ({"": device}, or with
    accelerate "auto" or any map) stands above `device`; `quantization` (placement.QUANTIZATIONS)
    needs torchao. `needs_tokenizer` refuses a model that reads no text. Raises CheckpointError with
    the file, key or option at fault.
    """
    check_options(device_map, quantization)
    files = open_files(Path(path))
    spec = _spec_of(files, family_of(files.config), needs_tokenizer)
    watch = Watch(progress, cancel, files.weights.size)
    placement = Placement(torch.device(device), device_map, quantization)
    return _loaded(str(path), files, spec, dtype, placement, watch)


def _loaded(
    path: str,
    files: ModelFiles,
    spec: ModelSpec,
    dtype: torch.dtype | str | Choice | None,
    placement: Placement,
    watch: Watch,
) -> LoadedModel:
    family = family_of(files.config)
    planned = plan(family, files.config, files.weights, watch)
    wanted = dtype_for(planned.config, planned.parameters, dtype)
    model = filled(planned, placement.first, wanted, watch)
    weights = files.weights.content_hash(watch.check)
    _join(model, spec, files.weights, weights)
    model = dispatched(quantized(model, placement.quantization), placement.device_map)
    return LoadedModel(
        path=path,
        spec=spec,
        family=family,
        config=files.config,
        model=model,
        tokenizer=files.tokenizer,
        device=next(model.parameters()).device if placement.device_map else placement.device,
        dtype=wanted,
        weights_hash=weights,
        tokenizer_hash=files.tokenizer.hash if files.tokenizer else None,
        key=_key(weights, files.config, wanted, placement.quantization),
        parameters=sum(parameter.numel() for parameter in model.parameters()),
        quantization=placement.quantization,
        device_map=placement.device_map,
        chat_template=files.chat_template,
    )


def _join(model: nn.Module, spec: ModelSpec, source: Weights, content: str) -> None:
    """A causal model and its adapters share the table of input vectors; a mask stands beside it."""
    if isinstance(source, FoldedWeights):
        share_table(model, source.base_hash)
        if spec.mask_id is not None:
            set_mask_vector(model, spec.mask_id, source.mask())
    elif spec.attention == "causal":
        share_table(model, content)


def _spec_of(files: ModelFiles, family: Family, needs_tokenizer: bool) -> ModelSpec:
    """The spec that the files agree on; the tokenizer learns what is special in it.

    Raises CheckpointError with the file or key at fault.
    """
    tokenizer = files.tokenizer
    check_values(files.config)
    if tokenizer is None and needs_tokenizer:
        raise CheckpointError(MISSING, TOKENIZER_FILE)
    spec = _with_chat(checked_spec(family, files.config, tokenizer, files.ends), files.system)
    if tokenizer is not None:
        _reserve(tokenizer, spec)
    return spec


def build(config: Config, dtype: torch.dtype = torch.float32) -> nn.Module:
    """A native model with fresh random weights (torch's global generator) for a config.json."""
    return construct(family_of(config), config).to(dtype)


def export_state(model: nn.Module, config: Config) -> dict[str, torch.Tensor]:
    """The model's weights under the checkpoint's key names, on the CPU.

    Shapes [out, in] or [n] and dtypes are the model's own.
    """
    parameters = {name: value.detach() for name, value in weights_of(model).items()}
    layout = layout_of(parameters, family_of(config), config)
    return {key: read_key(pieces, parameters).cpu() for key, pieces in layout.items()}


def save(model: nn.Module, config: Config, directory: str | Path) -> None:
    """Writes config.json and model.safetensors in the form that `load` reads."""
    target = Path(directory)
    target.mkdir(parents=True, exist_ok=True)
    state = export_state(model, config)
    save_file(state, target / "model.safetensors", metadata={"format": "pt"})
    (target / "config.json").write_text(json.dumps(dict(config), indent=2) + "\n")


def checked_spec(
    family: Family, config: Config, tokenizer: Tokenizer | None, ends: tuple[int, ...] = ()
) -> ModelSpec:
    """The spec, with every special id inside the vocabulary. `ends` end a text as well.

    Raises CheckpointError for an id outside, and for a config.json that says too little.
    """
    try:
        spec = family.spec(config, tokenizer.id_of if tokenizer else lambda token: None)
        spec = _with_ends(spec, ends)
        outside = [i for i in spec.named_ids().items() if not 0 <= i[1] < spec.vocab_size]
    except Exception as error:  # a family reads whatever stands in the file
        raise unusable(error) from None
    for name, value in outside:
        raise CheckpointError(
            f"{name} = {value} lies outside the vocabulary of {spec.vocab_size}.",
            name.replace("_id", "_token_id"),
        )
    return spec


def _with_ends(spec: ModelSpec, ends: tuple[int, ...]) -> ModelSpec:
    """The spec whose texts end at these ids too; where it names no end, the first is its own."""
    ids = (*spec.other_eos_ids, *ends)
    if spec.eos_id is None and ids:
        return replace(spec, eos_id=ids[0], other_eos_ids=ids[1:])
    return replace(spec, other_eos_ids=ids)


def _with_chat(spec: ModelSpec, system: str | None) -> ModelSpec:
    """The spec with the system turn of the tokenizer's own template, where there is one."""
    return spec if system is None or spec.chat != "chatml" else replace(spec, system=system)


def _reserve(tokenizer: Tokenizer, spec: ModelSpec) -> None:
    """Special is what the spec names and what the chat template marks turns with."""
    marks = (tokenizer.id_of(text) for text in MARKS.get(spec.chat, ()))
    tokenizer.reserve([*spec.named_ids().values(), *(i for i in marks if i is not None)])
    tokenizer.check_rows(spec.vocab_size)


def _key(weights: str, config: Config, dtype: torch.dtype, quantization: str | None) -> str:
    text = f"{weights}{json.dumps(config, sort_keys=True)}{dtype}{quantization or ''}"
    return hashlib.sha256(text.encode()).hexdigest()[:32]
