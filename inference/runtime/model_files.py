"""The files of a model directory: how many bytes of weights, and whether they have changed."""

from __future__ import annotations

from pathlib import Path

from inference.engine import bpe_files, tokenization
from inference.engine.model_files import GENERATION, TEMPLATE_FILE
from inference.engine.open_model import base_of, gguf_file
from inference.engine.shards import find_shards

BESIDE = (
    "config.json", GENERATION, tokenization.FILE, bpe_files.CONFIG, TEMPLATE_FILE, *bpe_files.FILES
)  # fmt: skip
Fingerprint = tuple[tuple[str, int, int, int, int], ...]


def weight_bytes(path: Path) -> int:
    """The size of the weight files that are loaded. Raises CheckpointError when there are none."""
    return sum(file.stat().st_size for file in weight_files(path))


def weight_files(path: Path) -> list[Path]:
    """The GGUF file, or the safetensors files of a directory. Raises CheckpointError."""
    gguf = gguf_file(path)
    return find_shards(path) if gguf is None else [gguf]


def fingerprint(path: Path) -> Fingerprint:
    """Name, size, both times of change (ns) and inode of every file that loading reads.

    The time of writing can be set (by unpacking, copying, syncing), that of the inode cannot.
    Those of an adapter's base are among them. Equal fingerprints mean that nothing was written
    since, without reading gigabytes. Raises CheckpointError when there are no weights.
    """
    beside = [file for name in BESIDE if (file := path / name).is_file()]
    own = tuple(_stamp(file) for file in [*beside, *weight_files(path)])
    base = base_of(path)
    return own if base is None else (*own, *fingerprint(base))


def _stamp(path: Path) -> tuple[str, int, int, int, int]:
    found = path.stat()
    return path.name, found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino
