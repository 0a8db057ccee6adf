"""The files of a model directory: how many bytes of weights, and whether they have changed."""

from __future__ import annotations

from pathlib import Path

from inference.engine import bpe_files, tokenization
from inference.engine.checkpoint import GENERATION
from inference.engine.shards import find_shards

BESIDE = ("config.json", GENERATION, tokenization.FILE, bpe_files.CONFIG, *bpe_files.FILES)
Fingerprint = tuple[tuple[str, int, int, int], ...]


def weight_bytes(directory: Path) -> int:
    """The size of the weight files that are loaded. Raises CheckpointError when there are none."""
    return sum(file.stat().st_size for file in find_shards(directory))


def fingerprint(directory: Path) -> Fingerprint:
    """Name, size, time of change (ns) and inode of every file that loading reads.

    Equal fingerprints mean that nothing was written since, without reading gigabytes. Raises
    CheckpointError when there are no weights.
    """
    beside = [path for name in BESIDE if (path := directory / name).is_file()]
    return tuple(_stamp(path) for path in [*beside, *find_shards(directory)])


def _stamp(path: Path) -> tuple[str, int, int, int]:
    found = path.stat()
    return path.name, found.st_size, found.st_mtime_ns, found.st_ino
