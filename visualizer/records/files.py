"""Records as files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import CommandError

from core.commands.parsing import parse
from visualizer.records.schema import RECORD_BYTES


def read_record(file: Path) -> dict[str, Any]:
    """The JSON object in a file, read strictly. Raises CommandError where there is none."""
    try:
        if file.stat().st_size > RECORD_BYTES:
            raise CommandError(f"The record is larger than {RECORD_BYTES // 2**20} MB.")
        return parse(file.read_text(encoding="utf-8-sig"), RECORD_BYTES)
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"{file.name} cannot be read: {type(error).__name__}.") from None
