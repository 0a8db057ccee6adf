"""Reading safetensors checkpoints, one shard after the other, without trusting what they say."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from safetensors import SafetensorError, safe_open
from torch import Tensor

from inference.engine.errors import CheckpointError

INDEX = "model.safetensors.index.json"
SINGLE = "model.safetensors"
CHUNK = 4 << 20
JSON_BYTES = 64 << 20


def read_json(path: Path, most: int = JSON_BYTES) -> dict[str, Any]:
    """A JSON object from a file of at most so many bytes. Raises CheckpointError naming it."""
    try:
        if path.exists() and not path.is_file():  # a pipe would never end
            raise CheckpointError(f"{path.name} is not a regular file.", path.name)
        if path.stat().st_size > most:
            raise CheckpointError(f"{path.name} is larger than {most >> 20} MiB.", path.name)
        value = json.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise CheckpointError(
            f"{path.name} is missing in {path.parent.name}/.", path.name
        ) from None
    except (OSError, ValueError, RecursionError) as error:
        raise CheckpointError(f"{path.name} is not readable JSON: {error}.", path.name) from None
    if not isinstance(value, dict):
        raise CheckpointError(f"{path.name} must hold a JSON object.", path.name)
    return value


def find_shards(directory: Path) -> list[Path]:
    """The weight files, sorted by name: the single one, else the index's, else *.safetensors.

    In this order transformers looks for them; an index may be left over from former shards. Raises
    CheckpointError when there are none, or when the index names others.
    """
    if (directory / SINGLE).is_file():
        return [directory / SINGLE]
    if (directory / INDEX).exists():
        return [directory / name for name in _indexed(directory)]
    shards = sorted(path for path in directory.glob("*.safetensors") if path.is_file())
    if not shards:
        pickles = list(directory.glob("*.bin")) + list(directory.glob("*.pt"))
        hint = " Pickle files are refused: convert them to safetensors." if pickles else ""
        raise CheckpointError(f"No *.safetensors file in {directory.name}/.{hint}", "safetensors")
    return shards


def _indexed(directory: Path) -> list[str]:
    weight_map = read_json(directory / INDEX).get("weight_map")
    if not isinstance(weight_map, dict) or not weight_map:
        raise CheckpointError(f"{INDEX} has no weight_map.", INDEX)
    names = sorted({str(name) for name in weight_map.values()})
    for name in names:
        if Path(name).name != name or not name.endswith(".safetensors"):
            raise CheckpointError(f"{INDEX} names {name!r}, which is not a shard here.", INDEX)
        if not (directory / name).is_file():
            raise CheckpointError(f"Shard {name} is missing.", name)
    return names


class Header(NamedTuple):
    """What a tensor says of itself; `dtype` in the words of safetensors (F32)."""

    dtype: str
    shape: list[int]


def headers_of(shards: Sequence[Path]) -> dict[str, Header]:
    """Every key with its header, no tensor read. Raises CheckpointError for a key in two shards."""
    headers: dict[str, Header] = {}
    for shard in shards:
        with opened(shard) as handle:
            for key in handle.keys():  # noqa: SIM118 - not a mapping
                if key in headers:
                    raise CheckpointError(f"Key {key} stands in more than one shard.", key)
                row = handle.get_slice(key)
                headers[key] = Header(row.get_dtype(), list(row.get_shape()))
    return headers


def tensors(shards: Sequence[Path], keys: Mapping[str, Any]) -> Iterator[tuple[str, Tensor]]:
    """The wanted tensors one by one ([out, in] or [n], as stored): no more than one is held."""
    for shard in shards:
        with opened(shard) as handle:
            for key in handle.keys():  # noqa: SIM118 - not a mapping
                if key in keys:
                    yield key, handle.get_tensor(key)


def opened(shard: Path) -> Any:
    """An open safetensors file. Raises CheckpointError for a truncated or hostile header."""
    try:
        return safe_open(shard, framework="pt", device="cpu")
    except (SafetensorError, OSError, ValueError) as error:
        raise CheckpointError(
            f"{shard.name} is not a valid safetensors file: {error}.", shard.name
        ) from None


def content_hash(files: Sequence[Path], between: Callable[[], None] = lambda: None) -> str:
    """sha256 of one file's content; of several, of their digests in order."""
    digests = [_file_hash(path, between) for path in files]
    if len(digests) == 1:
        return digests[0]
    return hashlib.sha256("\n".join(digests).encode()).hexdigest()


def _file_hash(path: Path, between: Callable[[], None]) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as handle:
        while chunk := handle.read(CHUNK):
            digest.update(chunk)
            between()
    return digest.hexdigest()
