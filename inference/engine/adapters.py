"""A model directory that holds only what was changed in another model: a low-rank adapter.

config.json says what the model is, and in `adapter` whose: {"base": name, "sha256": of the base's
weights, "rank": r}. adapter.safetensors holds, for each layer n and group g of matrices that share
an input, `layers.n.g.down` [r, in] and `layers.n.g.up` [out, r] as int8 with one scale a row
(`….scale` [rows, 1]), and `mask` [d], the input vector of the mask token. The product up · down is
added to the group's matrices when they are read, so that a folded model costs what its base does.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor

from inference.engine import shards
from inference.engine.errors import CheckpointError
from inference.engine.model_files import ModelFiles, Weights
from inference.packages import path_of

FILE = "adapter.safetensors"
GROUPS: dict[str, tuple[str, ...]] = {
    # group: its matrices, whose rows stand one below the other in `up`
    "qkv": ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"),
    "out": ("self_attn.o_proj",),
    "gate_up": ("mlp.gate_proj", "mlp.up_proj"),
    "back": ("mlp.down_proj",),
}
EMBEDDING = "model.embed_tokens.weight"
MASK = "mask"
MOST_RANK = 1024
MOST_SCALE = 2.0**16
"""More than float16 holds: no product of MOST_RANK such terms leaves float32."""
_PART = r"[A-Za-z0-9][A-Za-z0-9._-]{0,95}"
SLUG = re.compile(f"{_PART}(?:/{_PART})?")


@dataclass(frozen=True)
class Card:
    """What `adapter` in config.json says."""

    base: str
    sha256: str
    rank: int


def open_adapter(
    directory: Path, config: dict[str, Any], open_files: Callable[[Path], ModelFiles]
) -> ModelFiles:
    """The adapted model, its base opened and compared. Raises CheckpointError with what is wrong.

    `open_files` opens the base, whatever kind of files it has. Of either's weights no matrix is
    read; the base's checksum and the adapter's scales are.
    """
    card = card_of(config)
    base = open_files(whole_base(card.base, directory))
    file = directory / FILE
    if not file.is_file():  # a pipe would never end
        raise CheckpointError(f"{FILE} is missing in {directory.name}/.", FILE)
    headers = shards.headers_of([file])
    check_shapes(headers, base.weights.headers(), card.rank)
    check_numbers(file, headers)
    found = base.weights.content_hash(lambda: None)  # last: it reads gigabytes
    if found != card.sha256:
        raise CheckpointError(
            f"This adapter was made for a {card.base} with other weights (sha256 "
            f"{card.sha256[:12]}…; here is {found[:12]}…).",
            "adapter.sha256",
        )
    own = {key: value for key, value in config.items() if key != "adapter"}
    merged = {**base.config, **own}
    weights = FoldedWeights(base.weights, file, found)
    return replace(base, config=merged, weights=weights)


def whole_base(name: str, directory: Path) -> Path:
    """Where a base lies that is no adapter itself. Raises CheckpointError."""
    path = base_path(name, directory)
    config = path / "config.json"
    if config.is_file() and "adapter" in shards.read_json(config):
        raise CheckpointError(
            f"{name} is an adapter itself; an adapter of an adapter is not read.", "adapter.base"
        )
    return path


def card_of(config: Mapping[str, Any]) -> Card:
    """Raises CheckpointError for a card that says too little."""
    value = config.get("adapter")
    card = value if isinstance(value, dict) else {}
    base, digest, rank = (card.get(key) for key in ("base", "sha256", "rank"))
    if not isinstance(base, str) or not SLUG.fullmatch(base):
        raise CheckpointError("adapter.base names no model.", "adapter.base")
    if not isinstance(digest, str) or not re.fullmatch(r"[0-9a-f]{64}", digest):
        raise CheckpointError("adapter.sha256 is no checksum.", "adapter.sha256")
    if type(rank) is not int or not 1 <= rank <= MOST_RANK:
        raise CheckpointError(f"adapter.rank must be 1 to {MOST_RANK}.", "adapter.rank")
    return Card(base, digest, rank)


def base_path(base: str, directory: Path) -> Path:
    """Where the base lies: in a package, or in the directory of models that holds the adapter's.

    Raises CheckpointError naming the base that is missing.
    """
    packaged = path_of(base)
    if packaged is not None:
        return packaged
    for root in (directory.parent, directory.parent.parent):
        if (root / base).is_dir() and root / base != directory:
            return root / base
    raise CheckpointError(
        f"This model changes {base}, which is not on this machine. Bring {base} first.",
        "adapter.base",
    )


def check_shapes(
    adapter: Mapping[str, shards.Header], base: Mapping[str, shards.Header], rank: int
) -> None:
    """Raises CheckpointError for an adapter whose tensors do not fit the base's."""
    expected = dict(_expected(base, rank))
    for key, (dtypes, shape) in expected.items():
        found = adapter.get(key)
        if found is None:
            raise CheckpointError(f"The adapter lacks {key}.", key)
        if found.shape != shape or found.dtype not in dtypes:
            raise CheckpointError(
                f"{key} is {found.dtype} {found.shape}, expected {dtypes[0]} {shape}.", key
            )
    extra = sorted(set(adapter) - set(expected))
    if extra:
        raise CheckpointError(f"The adapter has the unknown tensor {extra[0]}.", extra[0])


def check_numbers(file: Path, headers: Mapping[str, shards.Header]) -> None:
    """Raises CheckpointError for scales that are not positive, or make a product that no float32
    holds, and for a mask that is not finite.
    """
    floats = {key: None for key, header in headers.items() if header.dtype != "I8"}
    for key, value in shards.tensors([file], floats):
        if not bool(value.isfinite().all()):
            raise CheckpointError(f"{key} holds values that are not finite.", key)
        if key != MASK and not bool(((value > 0) & (value <= MOST_SCALE)).all()):
            raise CheckpointError(f"{key} must be above 0, at most {MOST_SCALE:g}.", key)


def _expected(
    base: Mapping[str, shards.Header], rank: int
) -> Iterator[tuple[str, tuple[tuple[str, ...], list[int]]]]:
    """Every key of an adapter with its possible types and its shape."""
    scales = ("F16", "F32")
    if EMBEDDING not in base:
        raise CheckpointError(f"The base has no {EMBEDDING}.", EMBEDDING)
    groups = groups_of(base)
    for key in chain([EMBEDDING], *groups.values()):
        if len(base[key].shape) != 2:
            raise CheckpointError(f"{key} of the base is no matrix.", key)
    yield MASK, (("F32", "F16", "BF16"), [base[EMBEDDING].shape[1]])
    for name, keys in groups.items():
        rows, columns = sum(base[key].shape[0] for key in keys), base[keys[0]].shape[1]
        for part, shape in (("down", [rank, columns]), ("up", [rows, rank])):
            yield f"{name}.{part}", (("I8",), shape)
            yield f"{name}.{part}.scale", (scales, [shape[0], 1])


def groups_of(base: Mapping[str, Any]) -> dict[str, list[str]]:
    """Name of each group in each layer → the base's keys in it. Raises CheckpointError."""
    found: dict[str, list[str]] = {}
    layer = 0
    while f"model.layers.{layer}.{GROUPS['qkv'][0]}.weight" in base:
        for group, parts in GROUPS.items():
            keys = [f"model.layers.{layer}.{part}.weight" for part in parts]
            missing = next((key for key in keys if key not in base), None)
            if missing is not None:
                raise CheckpointError(f"The base has no {missing}.", missing)
            found[f"layers.{layer}.{group}"] = keys
        layer += 1
    return found


class FoldedWeights:
    """The base's tensors, with the adapter's products added as they are read.

    `base_hash` is the content hash of the base. The mask's vector stays apart from the base's table
    of input vectors: `mask` reads it.
    """

    def __init__(self, base: Weights, file: Path, base_hash: str) -> None:
        self._base, self._file, self.base_hash = base, file, base_hash

    @property
    def size(self) -> int:
        return self._base.size

    def headers(self) -> dict[str, shards.Header]:
        return self._base.headers()

    def tensors(self, keys: Mapping[str, Any]) -> Iterator[tuple[str, Tensor, int]]:
        """The base's tensors [out, in] or [n], in float32 where something is added to them."""
        stored = load_file(self._file)
        spans = _spans(self._base.headers())
        for key, value, size in self._base.tensors(keys):
            if key in spans:
                name, rows = spans[key]
                up, down = dequantized(stored, f"{name}.up"), dequantized(stored, f"{name}.down")
                value = value.float() + up[rows] @ down
            yield key, value, size

    def mask(self) -> Tensor:
        """The mask's vector [d]."""
        found: Tensor = load_file(self._file)[MASK]
        return found

    def content_hash(self, between: Callable[[], None]) -> str:
        """sha256 of the base's and the adapter's own."""
        own = shards.content_hash([self._file], between)
        return hashlib.sha256(f"{self._base.content_hash(between)}\n{own}".encode()).hexdigest()


def _spans(base: Mapping[str, shards.Header]) -> dict[str, tuple[str, slice]]:
    """Base key → its group, and its rows in the group's `up`."""
    found = {}
    for name, keys in groups_of(base).items():
        start = 0
        for key in keys:
            found[key] = name, slice(start, start := start + base[key].shape[0])
    return found


def dequantized(stored: Mapping[str, Tensor], key: str) -> Tensor:
    """An int8 matrix [n, m] with a scale a row, in float32."""
    return stored[key].float() * stored[f"{key}.scale"].float()


def quantized(value: Tensor) -> tuple[Tensor, Tensor]:
    """A matrix [n, m] as int8 and its scales [n, 1] in float16; the largest of a row is ±127."""
    least = math.ldexp(1.0, -24)  # of float16
    scale = (value.detach().abs().amax(1, keepdim=True) / 127).clamp_min(least).half()
    whole = (value.detach() / scale.float()).round().clamp(-127, 127)
    return whole.to(torch.int8), scale
