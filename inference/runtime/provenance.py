"""Provenance: the hashes and versions that a record needs so that somebody can make it again."""

from __future__ import annotations

import platform
from functools import cache
from importlib.metadata import version
from typing import Any

from inference.engine.checkpoint import LoadedModel

LIBRARIES = ("torch", "transformers", "tokenizers", "safetensors", "numpy", "django")


@cache
def versions() -> dict[str, str]:
    """Versions of Python and of the libraries that results may depend on."""
    return {"python": platform.python_version()} | {name: version(name) for name in LIBRARIES}


def provenance_of(model: LoadedModel) -> dict[str, Any]:
    """Hashes and versions of what a model of this worker is made of."""
    return {
        "family": model.spec.family,
        "weights_hash": model.weights_hash,
        "tokenizer_hash": model.tokenizer_hash,
        "model_key": model.key,
        "dtype": str(model.dtype).removeprefix("torch."),
        "device": model.device.type,
        "quantization": model.quantization,
        "device_map": model.device_map,
        "versions": versions(),
    }
