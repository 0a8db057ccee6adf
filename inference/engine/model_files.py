"""What a model consists of, wherever it lies: configuration, tokenizer, chat template, weights."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from torch import Tensor

from inference.engine import shards
from inference.engine.errors import CheckpointError
from inference.engine.families.values import special_ids
from inference.engine.tokenization import Tokenizer

GENERATION = "generation_config.json"
TEMPLATE_FILE = "chat_template.jinja"
TEMPLATE_BYTES = 2**18


class Weights(Protocol):
    """Where tensors come from."""

    @property
    def size(self) -> int:
        """Bytes that reading all of them reads."""

    def headers(self) -> dict[str, shards.Header]:
        """Shapes and stored types by the checkpoint's keys; no tensor is read."""

    def tensors(self, keys: Mapping[str, Any]) -> Iterator[tuple[str, Tensor, int]]:
        """The wanted tensors ([out, in] or [n], as stored), each with the bytes read for it."""

    def content_hash(self, between: Callable[[], None]) -> str:
        """sha256 of what is stored; `between` is called after each chunk."""


@dataclass(frozen=True)
class ModelFiles:
    """An opened model.

    `chat_template`: its own Jinja template; `system`: the system turn that this begins with by
    default. `ends`: tokens that end a text besides those of config.json.
    """

    config: dict[str, Any]
    tokenizer: Tokenizer | None
    weights: Weights
    chat_template: str | None = None
    system: str | None = None
    ends: tuple[int, ...] = ()


class ShardWeights:
    """The safetensors files of a directory."""

    def __init__(self, files: list[Path]) -> None:
        self._files = files

    @property
    def size(self) -> int:
        return sum(file.stat().st_size for file in self._files)

    def headers(self) -> dict[str, shards.Header]:
        return shards.headers_of(self._files)

    def tensors(self, keys: Mapping[str, Any]) -> Iterator[tuple[str, Tensor, int]]:
        """The wanted tensors ([out, in] or [n], as stored) and their bytes."""
        for key, value in shards.tensors(self._files, keys):
            yield key, value, value.nbytes

    def content_hash(self, between: Callable[[], None]) -> str:
        return shards.content_hash(self._files, between)


class PrefixedWeights:
    """Weights whose keys lack the first part of the native names."""

    def __init__(self, inner: Weights, prefix: str) -> None:
        self._inner, self._prefix = inner, prefix

    @property
    def size(self) -> int:
        return self._inner.size

    def headers(self) -> dict[str, shards.Header]:
        return {self._prefix + key: row for key, row in self._inner.headers().items()}

    def tensors(self, keys: Mapping[str, Any]) -> Iterator[tuple[str, Tensor, int]]:
        """The wanted tensors ([out, in] or [n], as stored) and their bytes."""
        wanted = {key.removeprefix(self._prefix): key for key in keys}
        for key, value, size in self._inner.tensors(wanted):
            yield wanted[key], value, size

    def content_hash(self, between: Callable[[], None]) -> str:
        return self._inner.content_hash(between)


BARE = {"gpt2": ("transformer.", "wte.weight")}
"""Published GPT-2 files hold the body's keys alone: its prefix, and a key that shows it."""


def prefixed(weights: Weights, config: Mapping[str, Any]) -> Weights:
    """The weights under native names where a published file leaves the prefix out."""
    prefix, sign = BARE.get(str(config.get("model_type")), ("", ""))
    return PrefixedWeights(weights, prefix) if sign and sign in weights.headers() else weights


def further_ends(directory: Path, config: Mapping[str, Any]) -> tuple[int, ...]:
    """The list of generation_config.json, where DiffusionGemma and Fast-dLLM v2 have theirs.

    A single id there says nothing new beside one of config.json: Dream's stands among other values
    that are wrong. Where config.json names none it is the only one that is said.
    """
    path = directory / GENERATION
    stated = shards.read_json(path) if path.exists() else {}
    listed = isinstance(stated.get("eos_token_id"), list)
    alone = config.get("eos_token_id") is None
    return special_ids(stated, "eos_token_id") if listed or alone else ()


def chat_template(directory: Path) -> str | None:
    """The directory's own template. Raises CheckpointError for one that is no text."""
    file = directory / TEMPLATE_FILE
    if file.is_file():
        if file.stat().st_size > TEMPLATE_BYTES:
            raise CheckpointError(f"{TEMPLATE_FILE} is too large.", TEMPLATE_FILE)
        try:
            return file.read_text(encoding="utf-8-sig")
        except ValueError:
            raise CheckpointError(f"{TEMPLATE_FILE} is not UTF-8.", TEMPLATE_FILE) from None
    if not (directory / "tokenizer_config.json").is_file():
        return None
    value = shards.read_json(directory / "tokenizer_config.json").get("chat_template")
    if isinstance(value, list):  # several by name: [{"name": "default", "template": "…"}]
        named = [one for one in value if isinstance(one, dict) and one.get("name") == "default"]
        value = named[0].get("template") if named else None
    return value if isinstance(value, str) and len(value) <= TEMPLATE_BYTES else None
