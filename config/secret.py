"""The key that signs cookies."""

from __future__ import annotations

import os
import secrets
from pathlib import Path


def secret_key(given: str, data_dir: Path) -> str:
    """The given key, or one that is generated once and kept, readable by its owner only."""
    if given:
        return given
    path = data_dir / "secret_key"
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_text()
    with os.fdopen(descriptor, "w") as file:
        file.write(secrets.token_urlsafe(50))
    return path.read_text()
