"""A GGUF file opened as a model: configuration, tokenizer, chat template, weights."""

from __future__ import annotations

import hashlib
import json
import math
from pathlib import Path
from typing import Any

import numpy as np

from inference.engine.errors import CheckpointError
from inference.engine.families.rotary import THETA
from inference.engine.gguf import rope_factors
from inference.engine.gguf.architectures import architecture_of, config_of
from inference.engine.gguf.header import GGUFError, Header, read_header
from inference.engine.gguf.tokenizer import begin_settings, tokenizer_data, turn_ends
from inference.engine.gguf.weights import GGUFWeights, values
from inference.engine.model_files import ModelFiles
from inference.engine.tokenization import Tokenizer

TEMPLATE = "tokenizer.chat_template"


def open_gguf(path: Path) -> ModelFiles:
    """All of a file but its weights, which are read later. Raises CheckpointError with the key."""
    header = _header(path)
    row = architecture_of(header.metadata)
    config = config_of(header.metadata, tied="output.weight" not in header.tensors)
    if rope_factors.NAME in row.facts and rope_factors.NAME in header.tensors:
        config["rope_parameters"] = _rope_parameters(path, header, config)
    data = tokenizer_data(header.metadata)
    digest = hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()
    template = header.metadata.get(TEMPLATE)
    if template is not None and not isinstance(template, str):
        raise CheckpointError(f"{TEMPLATE} is not text.", TEMPLATE)
    weights = GGUFWeights(path, header, row, config)
    tokenizer = Tokenizer(data, digest, begin_settings(header.metadata))
    return ModelFiles(config, tokenizer, weights, template, ends=turn_ends(header.metadata))


def _rope_parameters(path: Path, header: Header, config: dict[str, Any]) -> dict[str, Any]:
    name, info = rope_factors.NAME, header.tensors[rope_factors.NAME]
    heads = config["num_attention_heads"]
    width = config.get("head_dim") or (config["hidden_size"] // heads if heads else 0)
    if list(info.shape) != [width // 2]:
        raise CheckpointError(f"{name} must hold {width // 2} factors.", name)
    data = np.memmap(path, dtype=np.uint8, mode="r")
    base = float(config.get("rope_theta") or THETA)
    return rope_factors.llama3_parameters(values(data, name, info), base)


def gguf_memory(path: Path) -> int:
    """Bytes that a file's weights take in memory at two bytes a value; 0 for one that is broken."""
    try:
        return 2 * sum(math.prod(info.shape) for info in read_header(path).tensors.values())
    except (GGUFError, OSError):
        return 0


def _header(path: Path) -> Header:
    try:
        return read_header(path)
    except GGUFError as error:
        raise CheckpointError(f"{path.name}: {error}", error.key) from None
    except OSError as error:
        raise CheckpointError(f"{path.name} cannot be read: {error.strerror}.", path.name) from None
