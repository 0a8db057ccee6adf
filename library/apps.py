from __future__ import annotations

from typing import Any

from django.apps import AppConfig


class LibraryConfig(AppConfig):
    name = "library"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from accounts.ownership import on_owners, on_transfer
        from core.generation import register

        on_transfer("library", _hand_over)
        on_owners("library", _owners)
        register("remote", "library.services.remote.GENERATOR")


def _hand_over(giver: Any, taker: Any) -> None:
    """A guest who signs in brings downloads and generations along."""
    from library.models import Download, RemoteGeneration

    for table in (Download, RemoteGeneration):
        table.objects.filter(owner=giver).update(owner=taker)


def _owners() -> list[Any]:
    """Whoever began a download or has a generation."""
    from library.models import Download, RemoteGeneration

    return [table.objects.values("owner") for table in (Download, RemoteGeneration)]
