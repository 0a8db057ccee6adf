"""Directories that settings name: made where they are missing, refused in a sentence."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def usable(variable: str) -> Iterator[None]:
    """Ends the process with a sentence where the system refuses what is done here with files."""
    try:
        yield
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        raise SystemExit(
            f"{variable} cannot be used: {where}{error.strerror}. Set {variable} to a directory in "
            "which this account may write."
        ) from None


def writable(path: Path, variable: str) -> Path:
    """The directory, made if need be. Ends the process where no file can be made in it."""
    with usable(variable):
        path.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=path).close()
    return path
