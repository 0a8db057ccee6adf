from collections.abc import Callable
from typing import Any

from django.apps import AppConfig


class PlaygroundConfig(AppConfig):
    name = "playground"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from accounts.ownership import on_owners, on_transfer
        from core.generation import ended, register
        from playground.services import conversations, side_by_side, token_trees
        from playground.services.answers import on_ended

        for one in (conversations, side_by_side, token_trees):
            on_transfer(one.__name__, _transfer(one))
        on_owners("playground", _owners)
        register(
            "autoregressive",
            "playground.services.completions.GENERATOR",
            score="playground.commands.prompt_scores.prompt_scores",
        )
        ended.connect(on_ended, dispatch_uid="playground")


def _transfer(service: Any) -> Callable[[Any, Any], None]:
    """A service's `hand_over`, called with giver and taker."""
    return lambda giver, taker: service.hand_over(giver=giver, taker=taker)


def _owners() -> list[Any]:
    """Whoever has a conversation, a completion or a tree of tokens."""
    from playground.models import Completion, Conversation, SideBySide, TokenTree

    return [
        table.objects.values("owner") for table in (Conversation, Completion, SideBySide, TokenTree)
    ]
