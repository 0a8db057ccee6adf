"""`/ws/r/chat/<token>/`: a shared conversation as it happens, for whoever holds its link.

Nothing that comes in changes anything: all messages but acknowledgements are refused. The link is
looked at again once a second.
"""

from __future__ import annotations

from core.sockets.link_reader import LinkWatcher
from playground.consumers import database
from playground.consumers.watch import WatchConsumer
from playground.models import Conversation


class LinkConsumer(LinkWatcher, WatchConsumer):
    """A watcher without an account."""

    READ_ONLY = "You are looking at a shared conversation: it can be read, not changed."

    async def find_by_link(self, token: str) -> Conversation:
        return await database.find_by_link(token)

    async def greet(self) -> None:
        await self.follow(self.target, None)
