from typing import Any

from django.apps import AppConfig


class VisualizerConfig(AppConfig):
    name = "visualizer"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from accounts.ownership import on_transfer

        on_transfer("visualizer", _hand_over)


def _hand_over(giver: Any, taker: Any) -> None:
    """A guest who signs in brings the sessions along; answers to old commands stay behind."""
    from visualizer.models import Session

    Session.objects.filter(owner=giver).update(owner=taker)
