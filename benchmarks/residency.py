"""Memory of models that are loaded together: what a fresh process grows by with each."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import itertools
import multiprocessing
from collections.abc import Sequence
from multiprocessing.connection import Connection
from pathlib import Path

MEGABYTE = 1 << 20


def resident(process: int | str = "self") -> int:
    """Bytes of a process that are in memory; 0 where the system does not tell."""
    status = Path(f"/proc/{process}/status")
    lines = status.read_text(encoding="ascii").splitlines() if status.exists() else []
    sizes = (int(line.split()[1]) for line in lines if line.startswith("VmRSS:"))
    return 1024 * next(sizes, 0)


def grown_by(paths: Sequence[Path]) -> list[int]:
    """Bytes that a process of its own grows by with each model, loaded one after the other."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_load, args=(theirs, list(paths)))
    process.start()
    theirs.close()
    try:
        sizes: list[int] = ours.recv()
    finally:
        process.join()
    return sizes


def _load(out: Connection, paths: list[Path]) -> None:
    from inference.engine import checkpoint

    kept, sizes = [], [_settled()]
    for path in paths:
        kept.append(checkpoint.load(path))
        sizes.append(_settled())
    out.send([after - before for before, after in itertools.pairwise(sizes)])


def _settled() -> int:
    """Resident bytes once what is no longer needed has been given back to the system."""
    gc.collect()
    with contextlib.suppress(OSError):  # another C library keeps what it has
        ctypes.CDLL("libc.so.6").malloc_trim(0)
    return resident()


def lines(names: Sequence[str], paths: Sequence[Path]) -> list[str]:
    """A line for each model, and one for all."""
    sizes = grown_by(paths)
    rows = [*zip(names, sizes, strict=True), ("together", sum(sizes))]
    return ["memory (MiB)", *(f"  {name:<34} {size / MEGABYTE:9.0f}" for name, size in rows)]
