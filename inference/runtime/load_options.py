"""How a checkpoint is loaded: device, precision, quantization, device map.

A worker decides by DEVICE, DTYPE and the model's card; whoever computes something again does it as
the record says, so that the same numbers come out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from django.conf import settings

from inference.engine import checkpoint
from inference.engine.checkpoint import LoadedModel
from inference.engine.placement import DeviceMap
from inference.engine.precisions import DTYPES
from inference.errors import UnmaskError
from inference.runtime import devices, precision

AUTO = "auto"


@dataclass(frozen=True)
class LoadOptions:
    """What `checkpoint.load` is asked for; `dtype`: None keeps the file's own, AUTO measures."""

    device: torch.device
    dtype: str | None
    quantization: str | None = None
    device_map: DeviceMap | None = None

    def load(self, path: Path, **how: Any) -> LoadedModel:
        """The model of a directory; `how` as `checkpoint.load` has it. Raises EngineError."""
        return checkpoint.load(
            path,
            self.device,
            dtype=precision.automatic if self.dtype == AUTO else self.dtype,
            quantization=self.quantization,
            device_map=self.device_map,
            **how,
        )


def options_for(card: Mapping[str, Any]) -> LoadOptions:
    """As a worker loads it: on DEVICE, in the card's `dtype`, else DTYPE."""
    device = devices.preferred()
    dtype = str(card.get("dtype") or settings.DTYPE)
    quantization, device_map = card.get("quantization"), card.get("device_map")
    return _settled(LoadOptions(device, dtype, quantization, device_map))


def _settled(options: LoadOptions) -> LoadOptions:
    """Only on a CPU there is something to measure: elsewhere the checkpoint's own it is."""
    apart = options.device.type != "cpu" or options.device_map is not None
    return replace(options, dtype=None) if options.dtype == AUTO and apart else options


def options_of(record: Mapping[str, Any], device: str | None = None) -> LoadOptions:
    """As a record says that its model was loaded; `device` stands above the record's.

    What an older record does not say is decided as a worker would. Raises UnmaskError naming what
    this machine does not have.
    """
    dtype = record.get("dtype", settings.DTYPE)
    if dtype not in (*DTYPES, AUTO):
        raise UnmaskError("validation", f"The record names no precision: {dtype!r}.", "model.dtype")
    where = _device(device or record.get("device") or devices.preferred())
    quantization, device_map = record.get("quantization"), record.get("device_map")
    return _settled(LoadOptions(where, dtype, quantization, device_map))


def _device(name: Any) -> torch.device:
    try:
        device = torch.device(name)
    except (RuntimeError, TypeError):
        raise UnmaskError("validation", f"There is no device {name!r}.", "model.device") from None
    if device.type == "cuda" and not torch.cuda.is_available():
        raise UnmaskError(
            "model_unavailable",
            "The record was made on a GPU and this machine has none. Give --device cpu to compute "
            "it there; near ties may fall the other way.",
            "model.device",
        )
    return device
