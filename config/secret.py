"""The key that signs cookies, and the names of this site's cookies."""

from __future__ import annotations

import hashlib
import hmac
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


def cookie_name(name: str, key: str) -> str:
    """The name with a mark that all processes of a site derive from their key, and no other."""
    return f"{name}_{hmac.digest(key.encode(), name.encode(), hashlib.sha256).hex()[:8]}"
