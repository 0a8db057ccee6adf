"""One process per data directory: the embedded shape shares memory, which no second one sees."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import IO


class Occupied(RuntimeError):
    """Another process holds the data directory."""


class DataLock:
    """An advisory lock on a file; the system releases it when the process ends, however it ends."""

    def __init__(self, data_dir: Path) -> None:
        self.path = data_dir / "unmask.lock"
        self._file: IO[str] | None = None

    @property
    def held(self) -> bool:
        return self._file is not None

    def acquire(self) -> None:
        """Take the lock. Raises Occupied with what to do about it."""
        if self._file is not None:
            return
        file = self.path.open("a+")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Occupied(_advice(file)) from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        self._file = file

    def release(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None


def _advice(file: IO[str]) -> str:
    file.seek(0)
    holder = file.read().strip() or "unknown"
    file.close()
    return (
        f"Another Unmask process (id {holder}) already uses this data directory. Stop it, or start "
        "this one with another DATA_DIR, or set REDIS_URL and DATABASE_URL."
    )
