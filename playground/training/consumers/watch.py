"""`/ws/training/<id>`: the whole training first, then every point and moment of it."""

from __future__ import annotations

from typing import Any

from core.commands.encoding import as_json
from core.sockets.consumer import CommandConsumer
from core.sockets.link_reader import NOT_FOUND
from inference.errors import UnmaskError
from inference.events import Event
from playground.training.commands import COMMANDS
from playground.training.consumers import database
from playground.training.models import Training

HEARTBEAT_TICKS = 15
Frame = dict[str, Any]


class WatchConsumer(CommandConsumer):
    """Frames are JSON objects with a `type`; events have a `number` too. Commands are taken."""

    table = COMMANDS

    async def greet(self) -> None:
        self.ticks = 0
        try:
            id = self.scope["url_route"]["kwargs"]["training_id"]
            self.target = await database.find_training(self.user, id)
        except UnmaskError:
            await self.close(NOT_FOUND, "there is no such training")
            return
        await self.follow(self.target, None)

    async def tick(self) -> None:
        """A heartbeat, so that proxies keep the socket and clients notice a dead one."""
        await super().tick()
        self.ticks += 1
        if self.ticks % HEARTBEAT_TICKS == 0:
            await self.tell({"type": "heartbeat"})

    async def take_snapshot(self, target: Training) -> Frame:
        return await database.take_whole(self.user, target)

    async def send_snapshot(self, snapshot: Frame) -> None:
        await self.tell({"type": "whole", **snapshot})

    async def send_event(self, event: Event) -> None:
        await self.tell({"type": event.type, "number": event.number, **event.payload})

    async def send_reply(self, type: str, text: str) -> None:
        await self.send(text_data=text)

    async def send_error(self, shape: Frame) -> None:
        await self.tell(shape)

    async def tell(self, frame: Frame) -> None:
        await self.send(text_data=as_json(frame))
