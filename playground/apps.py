from typing import Any

from django.apps import AppConfig


class PlaygroundConfig(AppConfig):
    name = "playground"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from accounts.ownership import on_owners, on_transfer
        from core.generation import ended, register
        from playground.services.answers import on_ended
        from playground.services.conversations import hand_over

        on_transfer("playground", lambda giver, taker: hand_over(giver=giver, taker=taker))
        on_owners("playground", _owners)
        register("autoregressive", "playground.services.completions.GENERATOR")
        ended.connect(on_ended, dispatch_uid="playground")


def _owners() -> list[Any]:
    """Whoever has a conversation or a completion."""
    from playground.models import Completion, Conversation

    return [table.objects.values("owner") for table in (Conversation, Completion)]
