"""`/ws/r/training/<token>/`: a shared training as it goes on, for whoever holds its link.

Nothing that comes in changes anything: all messages but acknowledgements are refused. The link is
looked at again once a second.
"""

from __future__ import annotations

from typing import Any

from core.sockets.link_reader import LinkReader
from inference.errors import UnmaskError
from playground.training.commands import COMMANDS
from playground.training.consumers import database
from playground.training.consumers.watch import WatchConsumer


class LinkConsumer(LinkReader, WatchConsumer):
    """A watcher without an account."""

    def _groups(self) -> tuple[str, ...]:
        return ()

    async def _still_welcome(self) -> bool:
        """Whether the link opens the training (still); else the socket is closed."""
        try:
            self.target = await database.find_by_link(self.token)
            self.user = self.target.owner
        except UnmaskError:
            await self._send_away()
            return False
        return True

    async def greet(self) -> None:
        self.ticks = 0
        await self.follow(self.target, None)

    async def _carry_out(self, message: dict[str, Any]) -> None:
        if not await self._still_welcome():
            return
        if message.get("type") != "ack":
            raise UnmaskError("auth", COMMANDS.read_only)
        await self._acknowledge(message)
