"""Downloads: those under way, and the last ones that are over."""

from __future__ import annotations

from library.models import Download

RECENT = 10


def downloads() -> list[Download]:
    """The ones under way, oldest first, then the last that are over. Everybody sees all."""
    active = Download.objects.filter(status__in=Download.ACTIVE).order_by("created", "pk")
    over = Download.objects.exclude(status__in=Download.ACTIVE).order_by("-created", "pk")
    return [*active, *over[:RECENT]]
