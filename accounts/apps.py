from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.db.models.signals import post_save


class AccountsConfig(AppConfig):
    name = "accounts"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        post_save.connect(_give_profile, sender=settings.AUTH_USER_MODEL)


def _give_profile(instance: Any, created: bool, **_: Any) -> None:
    """Every account has a profile, however it was made."""
    from accounts.models import Profile

    if created:
        Profile.objects.get_or_create(user=instance)
