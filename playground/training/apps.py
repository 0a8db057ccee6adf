from typing import Any

from django.apps import AppConfig


class TrainingConfig(AppConfig):
    name = "playground.training"
    label = "training"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from accounts.ownership import on_owners, on_transfer

        on_transfer("training", _hand_over)
        on_owners("training", _owners)


def _hand_over(giver: Any, taker: Any) -> None:
    """A guest who signs in brings trainings, models and texts along."""
    from playground.training.services.trainings import hand_over

    hand_over(giver=giver, taker=taker)


def _owners() -> list[Any]:
    """Whoever has a training or a text."""
    from playground.training.models import Text, Training

    return [table.objects.values("owner") for table in (Training, Text)]
