"""Opening a model by what is there: a directory with safetensors, a GGUF file, or an adapter."""

from __future__ import annotations

from pathlib import Path

from inference.engine import shards
from inference.engine.adapters import card_of, open_adapter, whole_base
from inference.engine.chat_templates import default_system
from inference.engine.errors import CheckpointError
from inference.engine.gguf.files import gguf_memory, open_gguf
from inference.engine.model_files import (
    ModelFiles,
    ShardWeights,
    chat_template,
    further_ends,
    prefixed,
)
from inference.engine.tokenization import Tokenizer


def open_files(path: Path) -> ModelFiles:
    """The model at a path. Raises CheckpointError with the file or key at fault."""
    gguf = gguf_file(path)
    if gguf is not None:
        return open_gguf(gguf)
    if not path.is_dir():
        raise CheckpointError(f"There is no model directory {path.name!r}.", "model_path")
    config = shards.read_json(path / "config.json")
    if "adapter" in config:
        return open_adapter(path, config, open_files)
    weights = prefixed(ShardWeights(shards.find_shards(path)), config)
    return ModelFiles(
        config,
        Tokenizer.from_directory(path),
        weights,
        chat_template(path),
        default_system(path),
        further_ends(path, config),
    )


def memory_bytes(path: Path) -> int:
    """What the weights take in memory in their own precision, before they are read.

    Raises CheckpointError for a directory whose files nobody could load.
    """
    gguf = gguf_file(path)
    if gguf is not None:
        return gguf_memory(gguf)
    base = base_of(path)
    if base is not None:
        return memory_bytes(base)
    return sum(file.stat().st_size for file in shards.find_shards(path))


def base_of(path: Path) -> Path | None:
    """Where the model lies that an adapter changes, or None. Raises CheckpointError, for an
    adapter of an adapter too.
    """
    if not (path / "config.json").is_file():
        return None
    config = shards.read_json(path / "config.json")
    if "adapter" not in config:
        return None
    return whole_base(card_of(config).base, path)


def gguf_file(path: Path) -> Path | None:
    """The GGUF file that a path means: itself, or the only one of a directory without safetensors.

    Raises CheckpointError where there are several.
    """
    if path.suffix == ".gguf":
        return path
    if not path.is_dir() or any(path.glob("*.safetensors")):
        return None
    found = sorted(path.glob("*.gguf"))
    if len(found) > 1:
        raise CheckpointError(f"{path.name}/ holds {len(found)} GGUF files; keep one.", "gguf")
    return found[0] if found else None
