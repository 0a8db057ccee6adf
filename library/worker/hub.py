"""The hub's own client: what a revision holds, and the bytes of a file from some byte on.

`snapshot_download` begins a file anew when its process has died and trusts sizes; so the list of
files, addresses, headers and the transfer (redirects, ranges, retries) are the client's, while the
partial file and the check of its hash are ours (`library.worker.cache_files`).
"""

from __future__ import annotations

import errno
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import httpx2
from django.conf import settings
from huggingface_hub import HfApi, constants, errors, hf_hub_url
from huggingface_hub.file_download import http_get
from huggingface_hub.utils import build_hf_headers  # type: ignore[attr-defined]

from inference.errors import UnmaskError
from library.services.downloads import OFFLINE, RemoteFile

SECONDS = 20.0
"""How long the hub may take to say what a repository holds."""
WANTED = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*\.(safetensors|json|txt|jinja)")
"""Files that are taken: weights as safetensors, and texts. No code, no pickle, no folders."""
HASH = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
MOST_FILES = 1000
CHUNK = 2**20

# Read at every transfer: a cancelled or dying download is to lose a moment's bytes, not ten MB.
constants.DOWNLOAD_CHUNK_SIZE = CHUNK
Told = Callable[[int], None]


class Plan(NamedTuple):
    """A revision by its commit, what of it is fetched, and the licence that it names."""

    commit: str
    files: list[RemoteFile]
    licence: str


def plan(repository: str, revision: str) -> Plan:
    """What the hub says of a revision, texts before weights. Raises UnmaskError."""
    with hub_errors(repository):
        api = HfApi(endpoint=settings.HUB_ENDPOINT, token=settings.HUB_TOKEN or False)
        info = api.model_info(repository, revision=revision, timeout=SECONDS, files_metadata=True)
    commit = str(info.sha or "")
    if re.fullmatch(r"[0-9a-f]{40}", commit) is None:
        raise _odd("it names no commit")
    wanted = [one for one in info.siblings or () if WANTED.fullmatch(one.rfilename)]
    files = sorted(map(_file, wanted), key=lambda file: (_is_weights(file.name), file.name))
    _check(repository, files)
    return Plan(commit, files, _licence(info))


def _file(one: Any) -> RemoteFile:
    size = one.lfs.size if one.lfs else one.size
    hash = one.lfs.sha256 if one.lfs else one.blob_id
    if not isinstance(size, int) or size < 0 or HASH.fullmatch(str(hash)) is None:
        raise _odd(f"it names no size and checksum of {one.rfilename}")
    return RemoteFile(one.rfilename, size, str(hash))


def _check(repository: str, files: list[RemoteFile]) -> None:
    if len(files) > MOST_FILES:
        raise _odd(f"it lists more than {MOST_FILES} files")
    if not any(_is_weights(file.name) for file in files):
        raise UnmaskError(
            "validation",
            f"{repository} has no weights in the safetensors form, and no other is taken. Look for "
            "a converted repository.",
            "repository",
        )
    if "config.json" not in {file.name for file in files}:
        raise UnmaskError(
            "validation", f"{repository} has no config.json, so it cannot be loaded.", "repository"
        )


def _is_weights(name: str) -> bool:
    return name.endswith(".safetensors")


def _licence(info: Any) -> str:
    found = getattr(info.card_data, "license", None) if info.card_data else None
    return found if isinstance(found, str) else ""


def _odd(what: str) -> UnmaskError:
    return UnmaskError("network", f"The hub's answer cannot be used: {what}. Try again later.")


def fetch(repository: str, commit: str, file: RemoteFile, partial: Path, told: Told) -> None:
    """Append what `partial` lacks of a file. `told` hears how many bytes are on the disk.

    Whatever `told` raises ends the transfer; what came stays. Raises UnmaskError.
    """
    url = hf_hub_url(repository, file.name, revision=commit, endpoint=settings.HUB_ENDPOINT)
    headers = build_hf_headers(token=settings.HUB_TOKEN or False)
    with partial.open("ab") as out:
        if out.tell() > file.size:  # left by something else
            out.truncate(0)
        with hub_errors(repository):
            http_get(
                url,
                out,
                resume_size=out.seek(0, 2),
                headers=headers,
                expected_size=file.size,
                tqdm_class=_bar(out, told),
            )


def _bar(out: Any, told: Told) -> Any:
    """What the client takes for a progress bar; called before each chunk is written."""

    class Bar:
        def __init__(self, **_: Any) -> None:
            pass

        def __enter__(self) -> Bar:
            return self

        def __exit__(self, *_: object) -> None:
            pass

        def update(self, _: int = 0) -> None:
            out.flush()
            told(out.tell())

    return Bar


@contextmanager
def hub_errors(repository: str) -> Iterator[None]:
    """What the client raises, as UnmaskError without addresses or paths."""
    try:
        yield
    except (httpx2.HTTPError, OSError, ValueError) as error:
        raise _told_of(error, repository) from error


def _told_of(error: Exception, repository: str) -> UnmaskError:
    found = next((row for row in _ERRORS if isinstance(error, row[0])), None)
    if found is not None:
        return UnmaskError(found[1], found[2].format(repository=repository))
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return disk_full()
    status = error.response.status_code if isinstance(error, errors.HfHubHTTPError) else 0
    if status in (401, 403):
        return UnmaskError("auth", f"The hub refuses {repository}: HF_TOKEN must be able to read.")
    if status == 429:
        return UnmaskError("rate_limit", "The hub is asked too often. Try again in some minutes.")
    return UnmaskError("network", _FAILED + (f" ({status})." if status else "."))


def disk_full() -> UnmaskError:
    return UnmaskError(
        "conflict", "The disk is full. Remove something from it and try again; what came stays."
    )


_FAILED = "The hub, or the way to it, failed; what came stays. Try again"
_ERRORS: tuple[tuple[type[Exception], str, str], ...] = (
    (
        errors.GatedRepoError,
        "auth",
        "{repository} is given to people who accepted its terms. Accept them on its page, and set "
        "HF_TOKEN to a token of that account.",
    ),
    (
        errors.RepositoryNotFoundError,
        "not_found",
        "The hub has no {repository}, or keeps it private: check the name, or set HF_TOKEN.",
    ),
    (errors.RevisionNotFoundError, "not_found", "{repository} has no such revision."),
    (errors.EntryNotFoundError, "not_found", "A file of {repository} has gone from the hub."),
    (errors.OfflineModeIsEnabled, "model_unavailable", OFFLINE),
    (httpx2.TimeoutException, "timeout", "The hub did not answer in time; what came stays."),
)
