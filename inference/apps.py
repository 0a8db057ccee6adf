from typing import Any

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class InferenceConfig(AppConfig):
    name = "inference"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        post_migrate.connect(_list_models, sender=self)


def _list_models(**_: Any) -> None:
    """A fresh database knows the shipped models at once."""
    from inference.registry import sync_models

    sync_models()
