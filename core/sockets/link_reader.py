"""What sockets of readers share: a link's token instead of an account."""

from __future__ import annotations

from typing import Any, ClassVar

from accounts.tokens import hash_of
from inference.errors import UnmaskError

NOT_FOUND = 4404
"""Close code: there is nothing here, or nothing any more, for whoever asks."""


class LinkReader:
    """A mixin before a CommandConsumer. The link is looked at again once a second."""

    scope: dict[str, Any]

    @property
    def token(self) -> str:
        """The key that came with the address."""
        text: str = self.scope["url_route"]["kwargs"]["token"]
        return text

    def _seat(self) -> str:
        """Readers are counted by link and by where they come from: they have no account."""
        host, _ = self.scope.get("client") or ("", 0)
        return f"reader {hash_of(self.token)} {host}"

    def _groups(self) -> tuple[str, ...]:
        return ()

    async def _send_away(self) -> None:
        await self.unfollow()  # type: ignore[attr-defined]
        await self.close(NOT_FOUND, "this link opens nothing")  # type: ignore[attr-defined]


class LinkWatcher(LinkReader):
    """A reader that only watches: all messages but acknowledgements are refused.

    Things are found in the name of their owner.
    """

    READ_ONLY: ClassVar[str]
    target: Any
    user: Any

    async def find_by_link(self, token: str) -> Any:
        """What the key opens. Raises UnmaskError."""
        raise NotImplementedError

    async def _still_welcome(self) -> bool:
        """Whether the link opens its thing (still); else the socket is closed."""
        try:
            self.target = await self.find_by_link(self.token)
            self.user = self.target.owner
        except UnmaskError:
            await self._send_away()
            return False
        return True

    async def _carry_out(self, message: dict[str, Any]) -> None:
        if not await self._still_welcome():
            return
        if message.get("type") != "ack":
            raise UnmaskError("auth", self.READ_ONLY)
        await self._acknowledge(message)  # type: ignore[attr-defined]
