"""`/ws/r/training/<token>/`: a shared training as it goes on, for whoever holds its link.

Nothing that comes in changes anything: all messages but acknowledgements are refused. The link is
looked at again once a second.
"""

from __future__ import annotations

from core.sockets.link_reader import LinkWatcher
from playground.training.commands import COMMANDS
from playground.training.consumers import database
from playground.training.consumers.watch import WatchConsumer
from playground.training.models import Training


class LinkConsumer(LinkWatcher, WatchConsumer):
    """A watcher without an account."""

    READ_ONLY = COMMANDS.read_only

    async def find_by_link(self, token: str) -> Training:
        return await database.find_by_link(token)

    async def greet(self) -> None:
        self.ticks = 0
        await self.follow(self.target, None)
