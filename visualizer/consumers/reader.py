"""`/ws/r/<token>/`: a shared session as it happens, for whoever holds its link.

Nothing that comes in changes anything: reading commands are answered, all others are refused in
the one error shape. The link is looked at again for every message and once a second.
"""

from __future__ import annotations

from typing import Any

from core.commands.encoding import as_json
from core.sockets.link_reader import LinkReader
from inference.errors import UnmaskError
from inference.events import MODELS_GROUP
from visualizer.consumers import database
from visualizer.consumers.page import PageConsumer
from visualizer.selectors.readers import Holder


class ReaderConsumer(LinkReader, PageConsumer):
    """A page's socket without an account behind it."""

    holder: Holder | None = None

    def _groups(self) -> tuple[str, ...]:
        return (MODELS_GROUP,)

    async def _still_welcome(self) -> bool:
        """Whether the link opens the session (still); else the socket is closed."""
        try:
            if self.holder is None:
                self.holder, self.session = await database.enter(self.token)
                self.target = self.session
            elif not await database.link_opens(self.holder):
                raise UnmaskError("not_found", "This link opens nothing any more.")
        except UnmaskError:
            await self._send_away()
            return False
        return True

    async def greet(self) -> None:
        await self.follow(self.session, await self._after())

    async def _carry_out(self, message: dict[str, Any]) -> None:
        if not await self._still_welcome() or self.holder is None:
            return
        if message.get("type") == "ack":
            await self._acknowledge(message)
            return
        reply = await database.read(self.holder, message)
        await self.send_reply(message["type"], as_json(reply))

    async def _render(self, type: str, payload: dict[str, Any]) -> str:
        return await database.render(type, payload, self.session, self.token)
