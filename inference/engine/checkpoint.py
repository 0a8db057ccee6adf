"""From a model directory to a running native model, and back to a directory.

config.json is read as data and `auto_map` is ignored: no code of a checkpoint is ever executed, and
weights come from safetensors only.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import nn

from inference.engine import shards
from inference.engine.config_checks import check_counts, check_values
from inference.engine.errors import CheckpointError, LoadCancelled
from inference.engine.families import family_of
from inference.engine.families.family import Config, Family
from inference.engine.families.layout import Layout, expected_shape, read_key, write_key
from inference.engine.families.spec import ModelSpec
from inference.engine.native import allocated, construct, layout_of, tied_keys, unusable, weights_of
from inference.engine.placement import (
    DeviceMap,
    check_options,
    dispatched,
    quantized,
    single_device,
)
from inference.engine.shards import Header
from inference.engine.tokenization import Tokenizer

Progress = Callable[[float], None]
Cancel = Callable[[], bool]

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
STORED = ("F32", "F16", "BF16", "F64")
"""How weights may be stored. Anything else is a quantized format, or no weights at all."""


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

    @property
    def context(self) -> int:
        """The longest sequence, prompt included, in tokens."""
        return self.spec.context


def load(
    path: str | Path,
    device: str | torch.device = "cpu",
    dtype: torch.dtype | str | None = None,
    progress: Progress | None = None,
    cancel: Cancel | None = None,
    device_map: DeviceMap | None = None,
    quantization: str | None = None,
) -> LoadedModel:
    """Loads a directory with config.json, *.safetensors and, usually, tokenizer.json.

    `dtype` None keeps the checkpoint's own. `progress` is called with 0.0–1.0; when `cancel`
    answers true, LoadCancelled is raised. `device_map` ({"": device}, or with accelerate "auto" or
    any map) stands above `device`; `quantization` (placement.QUANTIZATIONS) needs torchao. Raises
    CheckpointError with the file, key or option at fault.
    """
    check_options(device_map, quantization)
    directory = Path(path)
    if not directory.is_dir():
        raise CheckpointError(f"There is no model directory {str(path)!r}.", "model_path")
    config = shards.read_json(directory / "config.json")
    family = family_of(config)
    check_values(config)
    tokenizer = Tokenizer.from_directory(directory)
    spec = checked_spec(family, config, tokenizer)
    files = shards.find_shards(directory)
    wanted = _dtype(config, dtype)
    watch = _Watch(progress, cancel, sum(file.stat().st_size for file in files))
    target = single_device(device_map) or torch.device("cpu" if device_map else device)
    model = quantized(_filled(family, config, files, target, wanted, watch), quantization)
    model = dispatched(model, device_map)
    weights = shards.content_hash(files, watch.check)
    return LoadedModel(
        path=str(path),
        spec=spec,
        family=family,
        config=config,
        model=model,
        tokenizer=tokenizer,
        device=next(model.parameters()).device if device_map else torch.device(device),
        dtype=wanted,
        weights_hash=weights,
        tokenizer_hash=tokenizer.hash if tokenizer else None,
        key=_key(weights, config, wanted, quantization),
        parameters=sum(parameter.numel() for parameter in model.parameters()),
    )


def build(config: Config, dtype: torch.dtype = torch.float32) -> nn.Module:
    """A native model with fresh random weights (torch's global generator) for a config.json."""
    return construct(family_of(config), config).to(dtype)


def export_state(model: nn.Module, config: Config) -> dict[str, torch.Tensor]:
    """The model's weights under the checkpoint's key names, on the CPU."""
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


def checked_spec(family: Family, config: Config, tokenizer: Tokenizer | None) -> ModelSpec:
    """The spec, with every special id inside the vocabulary."""
    try:
        spec = family.spec(config, tokenizer.id_of if tokenizer else lambda token: None)
        outside = [i for i in spec.named_ids().items() if not 0 <= i[1] < spec.vocab_size]
    except Exception as error:  # a family reads whatever stands in the file
        raise unusable(error) from None
    for name, value in outside:
        raise CheckpointError(
            f"{name} = {value} lies outside the vocabulary of {spec.vocab_size}.",
            name.replace("_id", "_token_id"),
        )
    return spec


class _Watch:
    """Progress in bytes read, and the place where a cancel is noticed."""

    def __init__(self, progress: Progress | None, cancel: Cancel | None, total: int) -> None:
        self.progress, self.cancel = progress or (lambda part: None), cancel or (lambda: False)
        self.total, self.done = max(total, 1), 0

    def check(self) -> None:
        if self.cancel():
            raise LoadCancelled("Loading was cancelled.")

    def advance(self, count: int) -> None:
        self.check()
        self.done += count
        self.progress(min(1.0, self.done / self.total))


def _filled(
    family: Family,
    config: Config,
    files: list[Path],
    device: torch.device,
    dtype: torch.dtype,
    watch: _Watch,
) -> nn.Module:
    watch.advance(0)
    found = shards.headers_of(files)
    check_counts(family, config, len(found))
    layout = _checked_layout(family, config, found)
    watch.check()
    model = allocated(family, config, device, dtype)
    parameters = weights_of(model)
    with torch.no_grad():
        for key, value in shards.tensors(files, layout):
            _refuse_nan(key, value)
            write_key(layout[key], parameters, value)
            watch.advance(value.nbytes)
    return model.eval().requires_grad_(False)


def _checked_layout(family: Family, config: Config, found: dict[str, Header]) -> Layout:
    """The layout, after comparing the checkpoint's headers with it: nothing is allocated yet."""
    with torch.device("meta"):
        skeleton = construct(family, config)
    weights = weights_of(skeleton)
    layout = layout_of(weights, family, config)
    shapes = {name: value.shape for name, value in weights.items()}
    tied = tied_keys(skeleton, family, config)
    for key, others in tied.items():
        other = next((name for name in others if name in found), None)
        if key not in found and key in layout and other is not None:
            layout[other] = layout.pop(key)
    known = set(tied).union(*tied.values())
    _compare_keys(layout, found, known, family.ignored)
    for key, pieces in layout.items():
        _compare_header(key, found[key], expected_shape(pieces, shapes))
    return layout


def _compare_header(key: str, found: Header, shape: list[int]) -> None:
    if found.shape != shape:
        raise CheckpointError(f"{key} has shape {found.shape}, expected {shape}.", key)
    if found.dtype not in STORED:
        raise CheckpointError(
            f"{key} is stored as {found.dtype}; weights are read as {', '.join(STORED)} only.", key
        )


def _compare_keys(
    layout: Layout, found: dict[str, Header], optional: set[str], ignored: tuple[str, ...]
) -> None:
    missing = sorted(set(layout) - set(found))
    if missing:
        raise CheckpointError(f"The checkpoint lacks {_listed(missing)}.", missing[0])
    extra = sorted(set(found) - set(layout) - optional)
    extra = [key for key in extra if not any(re.fullmatch(rule, key) for rule in ignored)]
    if extra:
        raise CheckpointError(f"The checkpoint has unknown keys: {_listed(extra)}.", extra[0])


def _listed(keys: list[str]) -> str:
    more = f" and {len(keys) - 3} more" if len(keys) > 3 else ""
    return ", ".join(keys[:3]) + more


def _dtype(config: Config, asked: torch.dtype | str | None) -> torch.dtype:
    """What was asked for, else the checkpoint's own, which has to make sense in any case."""
    named = (config.get(key) for key in ("dtype", "torch_dtype"))
    own = _dtype_named(next((name for name in named if name is not None), "float32"))
    if isinstance(asked, torch.dtype):
        return asked
    return _dtype_named(asked) if asked else own


def _dtype_named(name: Any) -> torch.dtype:
    if not isinstance(name, str) or name not in DTYPES:
        raise CheckpointError(f"dtype {name!r} is not one of {', '.join(DTYPES)}.", "dtype")
    return DTYPES[name]


def _refuse_nan(key: str, value: torch.Tensor) -> None:
    # a scalar may be an infinite limit (clipping that is switched off)
    if torch.isnan(value).any() or (value.dim() > 0 and torch.isinf(value).any()):
        raise CheckpointError(f"{key} holds values that are not finite.", key)


def _key(weights: str, config: Config, dtype: torch.dtype, quantization: str | None) -> str:
    text = f"{weights}{json.dumps(config, sort_keys=True)}{dtype}{quantization or ''}"
    return hashlib.sha256(text.encode()).hexdigest()[:32]
