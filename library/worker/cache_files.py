"""Files of a download in the layout of the hub's cache: blobs by hash, revisions of links to them.

Only what has its hash gets a name in `blobs/`, and only that gets a link in `snapshots/`, so that
a revision never shows a half or a wrong file.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from pathlib import Path

from inference.errors import UnmaskError
from inference.hub_cache import COMMIT, folder_of
from library.services.downloads import RemoteFile
from library.worker.hub import disk_full

LEAST_FREE = 256 * 2**20
"""Bytes that a download leaves free on its disk."""
BLOCK = 2**20
REF = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


class CacheFiles:
    """A repository's folder in the cache."""

    def __init__(self, root: Path, repository: str, commit: str) -> None:
        self.folder = folder_of(root, repository)
        self.snapshot = self.folder / "snapshots" / commit
        self._commit = commit
        for place in (self.folder / "blobs", self.snapshot):
            place.mkdir(parents=True, exist_ok=True)

    def blob(self, file: RemoteFile) -> Path:
        return self.folder / "blobs" / file.hash

    def partial(self, file: RemoteFile) -> Path:
        """Another name than the client's own partial files have, whose process may be alive."""
        return self.blob(file).with_name(f"{file.hash}.unmask.incomplete")

    def size(self, file: RemoteFile) -> int:
        """Bytes of a file that are here."""
        found = next((p for p in (self.blob(file), self.partial(file)) if p.is_file()), None)
        return min(found.stat().st_size, file.size) if found else 0

    def check_room(self, needed: int) -> None:
        """Raises UnmaskError (conflict) when `needed` bytes more would fill the disk."""
        free = shutil.disk_usage(self.folder).free
        if free - needed < LEAST_FREE:
            short = (needed + LEAST_FREE - free) / 1e9
            raise UnmaskError(
                "conflict",
                f"The disk has no room: {needed / 1e9:.1f} GB more are needed, {short:.1f} GB are "
                "lacking. Remove something from it and try again; what came stays.",
            )

    def keep(self, file: RemoteFile) -> None:
        """Check a whole partial file and give it its name. A wrong one is thrown away.

        Raises UnmaskError (network).
        """
        partial = self.partial(file)
        if hash_of(partial, file) != file.hash:
            partial.unlink()
            raise UnmaskError(
                "network",
                f"{file.name} is not what its checksum says and was thrown away. Try again; if it "
                "stays so, the hub or mirror gives something else out.",
            )
        os.replace(partial, self.blob(file))

    def link(self, file: RemoteFile) -> None:
        """Show a blob under its name in the revision."""
        place = self.snapshot / file.name
        if place.exists():
            return
        place.unlink(missing_ok=True)  # a link that led nowhere
        try:
            place.symlink_to(os.path.relpath(self.blob(file), place.parent))
        except OSError as error:  # a file system without links
            if error.errno is not None and "space" in os.strerror(error.errno):
                raise disk_full() from error
            shutil.copyfile(self.blob(file), place)

    def name_revision(self, revision: str) -> None:
        """Note which commit a branch or tag meant, as the client does."""
        if COMMIT.fullmatch(revision) or REF.fullmatch(revision) is None:
            return
        refs = self.folder / "refs"
        refs.mkdir(exist_ok=True)
        (refs / revision).write_text(self._commit)


def hash_of(path: Path, file: RemoteFile) -> str:
    """SHA-256, or git's SHA-1 of a blob where the hub named that (40 digits)."""
    digest = hashlib.sha256()
    if len(file.hash) == 40:
        digest = hashlib.sha1(usedforsecurity=False)
        digest.update(f"blob {path.stat().st_size}\0".encode())
    with path.open("rb") as content:
        while block := content.read(BLOCK):
            digest.update(block)
    return digest.hexdigest()
