"""What sockets of readers share: a link's token instead of an account."""

from __future__ import annotations

from typing import Any

from accounts.tokens import hash_of

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

    async def _send_away(self) -> None:
        await self.unfollow()  # type: ignore[attr-defined]
        await self.close(NOT_FOUND, "this link opens nothing")  # type: ignore[attr-defined]
