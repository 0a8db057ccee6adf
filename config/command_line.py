"""Django's command line, which tells of a missing or old database in a sentence."""

from __future__ import annotations

import os
import sys

from django.core.management import execute_from_command_line
from django.core.management.color import color_style


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    # Imported here: settings have to be named before anything of Django's database is.
    from django.db import DatabaseError

    try:
        execute_from_command_line(sys.argv)
    except DatabaseError:
        from config.startup import database_reason

        reason = database_reason()
        if not reason:
            raise
        sys.exit(color_style().ERROR(f"CommandError: {reason}"))
