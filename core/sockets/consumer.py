"""The command consumer: one message at a time, answers in order, a life after errors."""

from __future__ import annotations

import asyncio
import json
import logging
from typing import Any

from channels.generic.websocket import AsyncWebsocketConsumer

from accounts.seats import SEATS, TOO_MANY
from accounts.sockets import UNAUTHORISED
from core.commands.parsing import parse
from core.commands.table import Channel, CommandTable
from core.jobs.models import CommandRow
from core.sockets import database
from core.sockets.follower import Follower
from core.sockets.inbox import LARGE, Inbox, Item
from core.sockets.replies import Replies
from inference.errors import UnmaskError, error_shape, internal_error, new_correlation_id
from inference.events import MODELS_GROUP, Event, stream_group, user_group

log = logging.getLogger(__name__)
TICK_SECONDS = 1.0


class CommandConsumer(AsyncWebsocketConsumer):  # type: ignore[misc]
    """A socket that carries the commands of a table. Subclasses say how frames look.

    Messages are worked one after the other, so that answers come in order; commands that may
    overtake (stop, resume) are answered at once.
    """

    table: CommandTable
    channel = Channel.API

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.seated = False
        self.target: Any = None  # what the socket's commands are about, unless they name another
        self.follower: Follower | None = None
        self.replies = Replies()
        self.inbox = Inbox(self.read)
        self.tasks: list[asyncio.Task[None]] = []

    async def __call__(self, *channel: Any) -> None:
        # Channels calls `disconnect` only where nothing failed; a seat must never stay taken.
        try:
            await super().__call__(*channel)
        finally:
            await self.leave()

    async def connect(self) -> None:
        self.user = self.scope.get("user")
        self.seated = await SEATS.take(self._seat())
        await self.accept()
        if not self.seated:
            await self.close(TOO_MANY, "too many open sockets")
        elif await self._still_welcome():
            for group in self._groups():
                await self.channel_layer.group_add(group, self.channel_name)
            await self.greet()
            self.tasks = [asyncio.create_task(self._work()), asyncio.create_task(self._tick())]

    async def leave(self) -> None:
        """The socket is gone, however it went."""
        for task in self.tasks:
            task.cancel()
        if self.seated:
            await SEATS.leave(self._seat())
            for group in self._groups():
                await self.channel_layer.group_discard(group, self.channel_name)
        await self.unfollow()

    def _seat(self) -> int | str:
        """In whose name the socket is counted."""
        seat: int = self.user.pk
        return seat

    def _groups(self) -> tuple[str, ...]:
        return user_group(self.user.pk), MODELS_GROUP

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """Every frame is answered; none ends the socket."""
        item = await self.inbox.item(text_data if bytes_data is None else None)
        if item.error is None and self._overtakes(item.message):
            await self._answer(item)
        else:
            self.inbox.put(item)

    def _overtakes(self, message: dict[str, Any]) -> bool:
        name = str(message.get("type"))
        return name == "ack" or (name in self.table and self.table[name].overtakes)

    async def _work(self) -> None:
        while True:
            item = await self.inbox.get()
            await self._answer(item)
            self.inbox.done(item)

    async def _answer(self, item: Item) -> None:
        new_correlation_id()
        try:
            if item.error is not None:
                raise item.error
            await self._carry_out(item.message)
        except UnmaskError as error:
            await self._refuse(item.message, error)
        except database.Unwelcome:
            await self._send_away()
        except Exception:
            log.exception("socket message failed")
            await self._refuse(item.message, internal_error())

    async def _carry_out(self, message: dict[str, Any]) -> None:
        if message.get("type") == "ack":
            if await self._still_welcome():
                await self._acknowledge(message)
            return
        message = self.completed(message)
        command = await database.submit(self.table, self.scope, self.channel, message, self.target)
        text = command.reply or await self.replies.wait(command, self.waits)
        await self.send_reply(command.type, text)

    async def _acknowledge(self, message: dict[str, Any]) -> None:
        """The client's word that it has dealt with events; it is not answered."""
        number = message.get("number")
        if type(number) is not int or not 0 <= number < 2**53:
            raise UnmaskError("validation", "number must be a whole number.", "number")
        if self.follower is not None:
            await self.follower.acknowledge(number)

    async def _refuse(self, message: dict[str, Any], error: UnmaskError) -> None:
        shape = error_shape(error)
        name = message.get("request_id")
        if isinstance(name, str) and len(name) <= 64:
            shape["request_id"] = name
        await self.send_error(shape)

    async def _still_welcome(self) -> bool:
        if await database.allowed(self.scope):
            return True
        await self._send_away()
        return False

    async def _send_away(self) -> None:
        await self.close(UNAUTHORISED, "sign in again")

    async def _tick(self) -> None:
        """Once a second: what lost bells would have told, and whether the caller may stay."""
        while True:
            await asyncio.sleep(TICK_SECONDS)
            try:
                if await self._still_welcome():
                    await self.tick()
            except Exception:
                log.exception("socket tick failed")

    async def tick(self) -> None:
        if self.follower is not None:
            await self.follower.catch_up()

    async def follow(self, target: Any, after: int | None) -> None:
        """Pass the events of the target's stream on from a number on (None: after a snapshot)."""
        await self.unfollow()

        async def snapshot() -> dict[str, Any]:
            return await self.take_snapshot(target)

        self.follower = Follower(target.stream_id, self.send_event, self.send_snapshot, snapshot)
        await self.channel_layer.group_add(stream_group(target.stream_id), self.channel_name)
        await self.follower.start(after)

    async def unfollow(self) -> None:
        if self.follower is not None:
            group = stream_group(self.follower.stream)
            self.follower = None
            await self.channel_layer.group_discard(group, self.channel_name)

    async def bell(self, message: dict[str, Any]) -> None:
        """Channel layer: events of a stream, in order."""
        for told in message["events"]:
            event = Event(**told)
            if self.follower is not None and event.stream == self.follower.stream:
                await self._hear(self.follower, event)

    async def _hear(self, follower: Follower, event: Event) -> None:
        try:
            await follower.hear(event)
        except UnmaskError:
            pass  # the target is gone; the next message or tick says so
        except Exception:
            log.exception("telling of an event failed")  # the next tick catches up

    async def answer(self, message: dict[str, Any]) -> None:
        """Channel layer: a command of this user has its reply."""
        self.replies.hear(message["command"], message["reply"])

    async def model_bell(self, message: dict[str, Any]) -> None:
        """Channel layer: a model's row has changed; losing it costs a tick."""
        try:
            await self.model_changed(message["slug"])
        except Exception:
            log.exception("telling of a model failed")

    async def model_changed(self, slug: str) -> None:
        """A model is being loaded, has been, or is gone."""

    async def waits(self, command: CommandRow) -> None:
        """A command has not been answered for a second, or for another one."""

    def read(self, text: str | None) -> dict[str, Any]:
        """A frame's message. Raises UnmaskError."""
        return parse(text)

    def completed(self, message: dict[str, Any]) -> dict[str, Any]:
        """The message with what the socket knows besides."""
        return message

    async def greet(self) -> None:
        """What is sent first."""

    async def decoded(self, text: str) -> dict[str, Any]:
        """A reply's JSON, read in a thread if it is a large one."""
        reply: dict[str, Any]
        reply = await asyncio.to_thread(json.loads, text) if len(text) > LARGE else json.loads(text)
        return reply

    async def take_snapshot(self, target: Any) -> dict[str, Any]:
        """All that a client needs that starts to look at a target; `number` is the event's."""
        raise NotImplementedError

    async def send_reply(self, type: str, text: str) -> None:
        raise NotImplementedError

    async def send_error(self, shape: dict[str, Any]) -> None:
        raise NotImplementedError

    async def send_event(self, event: Event) -> None:
        raise NotImplementedError

    async def send_snapshot(self, snapshot: dict[str, Any]) -> None:
        raise NotImplementedError
