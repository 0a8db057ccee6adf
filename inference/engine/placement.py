"""Options of a load that need packages which are not always there: device maps and quantization."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import torch
from torch import nn

from inference.engine.errors import CheckpointError

DeviceMap = str | Mapping[str, Any]
QUANTIZATIONS = {
    # option: the configuration of torchao that it stands for
    "int8": "Int8WeightOnlyConfig",
    "int4": "Int4WeightOnlyConfig",
    "float8": "Float8WeightOnlyConfig",
}


@dataclass(frozen=True)
class Placement:
    """Where a model is to lie, and in which form."""

    device: torch.device
    device_map: DeviceMap | None
    quantization: str | None

    @property
    def first(self) -> torch.device:
        """The device that its weights are read onto."""
        whole = torch.device("cpu") if self.device_map else self.device
        return single_device(self.device_map) or whole


def check_options(device_map: DeviceMap | None, quantization: str | None) -> None:
    """Raises CheckpointError for an option that is unknown or lacks its package."""
    if not (device_map is None or device_map == "auto" or isinstance(device_map, Mapping)):
        raise CheckpointError('device_map must be "auto" or name devices.', "device_map")
    if device_map is not None and single_device(device_map) is None:
        _need("accelerate", "device_map")
    if quantization is None:
        return
    if not isinstance(quantization, str) or quantization not in QUANTIZATIONS:
        known = ", ".join(QUANTIZATIONS)
        raise CheckpointError(
            f"quantization {quantization!r} is not one of {known}.", "quantization"
        )
    _need("torchao", "quantization")


def single_device(device_map: DeviceMap | None) -> torch.device | None:
    """The device of a map that puts all on one ({"": "cpu"}). Raises CheckpointError."""
    if device_map is None or isinstance(device_map, str) or set(device_map) != {""}:
        return None
    try:
        return torch.device(device_map[""])
    except (RuntimeError, TypeError):
        raise CheckpointError(
            f"device_map names an unknown device {device_map['']!r}.", "device_map"
        ) from None


def quantized(model: nn.Module, quantization: str | None) -> nn.Module:
    """The model with its linear layers quantized in place, by torchao.

    Raises CheckpointError for what torchao cannot do on this machine.
    """
    if quantization is None:
        return model
    with _option_errors("quantization"):
        torchao = import_module("torchao.quantization")
        torchao.quantize_(model, getattr(torchao, QUANTIZATIONS[quantization])())
    return model


def dispatched(model: nn.Module, device_map: DeviceMap | None) -> nn.Module:
    """The model spread over several devices, by accelerate.

    Raises CheckpointError for a map that accelerate cannot follow.
    """
    if device_map is None or single_device(device_map) is not None:
        return model
    with _option_errors("device_map"):
        accelerate = import_module("accelerate")
        spread = dict(device_map) if not isinstance(device_map, str) else None
        whole = getattr(model, "_no_split_modules", None)
        plan = spread or accelerate.infer_auto_device_map(model, no_split_module_classes=whole)
        placed: nn.Module = accelerate.dispatch_model(model, device_map=plan)
    return placed


@contextmanager
def _option_errors(option: str) -> Iterator[None]:
    """What a package lacks, or does not do here, as the option's error."""
    try:
        yield
    except (ImportError, ValueError, NotImplementedError) as error:
        raise CheckpointError(
            f"{option} cannot be followed here: {error}. Load without it.", option
        ) from error


def _need(package: str, option: str) -> None:
    if find_spec(package) is None:
        raise CheckpointError(
            f"{option} needs the package {package}, which is not installed here. Install it, or "
            f"load without {option}.",
            option,
        )
