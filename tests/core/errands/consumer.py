"""A socket on errands."""

from __future__ import annotations

from typing import Any

from core.commands.encoding import as_json
from core.sockets.consumer import CommandConsumer
from core.sockets.database import in_events_lane
from inference.events import Event
from inference.models import Stream
from tests.core.errands.commands import TABLE
from tests.core.errands.models import Errand


class ErrandConsumer(CommandConsumer):
    table = TABLE

    async def greet(self) -> None:
        self.target = await find(self.user)
        await self.follow(self.target, 0)

    async def take_snapshot(self, target: Errand) -> dict[str, Any]:
        return await snapshot(target)

    async def send_reply(self, type: str, text: str) -> None:
        await self.send(text_data=text)

    async def send_error(self, shape: dict[str, Any]) -> None:
        await self.send(text_data=as_json(shape))

    async def send_event(self, event: Event) -> None:
        told = {"type": "event", "number": event.number, "payload": event.payload}
        await self.send(text_data=as_json(told))

    async def send_snapshot(self, snapshot: dict[str, Any]) -> None:
        await self.send(text_data=as_json({"type": "snapshot", **snapshot}))


@in_events_lane
def find(user: Any) -> Errand:
    return Errand.objects.get(owner=user)


@in_events_lane
def snapshot(errand: Errand) -> dict[str, Any]:
    things = Errand.objects.values_list("things", flat=True).get(pk=errand.pk)
    return {"number": Stream.objects.get(pk=errand.stream_id).last_number, "things": things}
