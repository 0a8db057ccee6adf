"""Records that people upload: files of JSON in UTF-8, as text."""

from __future__ import annotations

from django.core.files.uploadedfile import UploadedFile

from inference.errors import UnmaskError


def record_text(file: UploadedFile[bytes] | None, most: int, largest: str = "") -> str:
    """The text of a record of at most `most` bytes, without the mark that editors put in front.

    `largest`: words for how large one may be, and what to do with a larger one. Raises UnmaskError
    (validation) for a missing, too large or unreadable file.
    """
    if file is None:
        raise _refused("Choose a record (JSON) first.")
    if (file.size or 0) > most:
        raise _refused(f"The record has more than {largest or f'{most // 2**20} MB.'}")
    try:
        return bytes(file.read()).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise _refused("This file is not a record in UTF-8.") from None


def _refused(words: str) -> UnmaskError:
    return UnmaskError("validation", words, "record")
