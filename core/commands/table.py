"""The command table of an app: what may be asked, how it is checked, who answers.

An app subclasses CommandTable and passes its table to whoever parses, submits or carries out; there
is no global one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from enum import Enum, StrEnum
from importlib import import_module
from typing import Any, ClassVar

from core.commands.fields import Message
from core.jobs.models import CommandRow


class RunsOn(Enum):
    """Which process carries a command out."""

    WEB = "web"  # at once, in the web process: database only
    WORKER = "worker"  # any worker
    LEASE = "lease"  # the worker that holds the target's lease, in order


class Channel(StrEnum):
    """What a command came through."""

    API = "api"
    PAGE = "page"
    FORM = "form"
    READER = "reader"


@dataclass(frozen=True, slots=True)
class CommandSpec:
    """One row: schema, process, handler ("module.function") and the type of its reply.

    `overtakes`: answered without waiting for earlier commands of the same socket.
    `opens`: the target of the reply becomes the socket's own. `reads`: nothing changes, so that
    readers of something shared may ask it too. `once`: fields of the reply that are told and not
    kept; a repeat of the request has null there. `bulk`: fields of the message that are not kept
    once it has been answered. `failure`: what a failed reply carries beside the error shape.
    """

    name: str
    schema: type[Message]
    runs_on: RunsOn
    handler: str
    reply: str
    overtakes: bool = False
    opens: bool = False
    reads: bool = False
    once: tuple[str, ...] = ()
    bulk: tuple[str, ...] = ()
    failure: Mapping[str, Any] = field(default_factory=dict)

    @property
    def needs_target(self) -> bool:
        return self.schema.needs_target

    @property
    def sentence(self) -> str:
        """The first line of the schema's docstring."""
        return (self.schema.__doc__ or "").strip().splitlines()[0]

    def load_handler(self) -> Any:
        """The function that carries it out. Handlers of workers are imported by workers only."""
        module, _, name = self.handler.rpartition(".")
        return getattr(import_module(module), name)


@dataclass(frozen=True, slots=True)
class Request:
    """What a handler is given: who asks, about which target, and what.

    `reader`: somebody without an account who may read the target; None for accounts.
    """

    user: Any
    target: Any
    message: Any
    command: CommandRow
    reader: Any = None

    @property
    def brief(self) -> bool:
        """Pages live on events: their replies carry no state."""
        return self.command.channel != Channel.API


class CommandTable(Mapping[str, CommandSpec]):
    """Rows by name, with the command model of the app and the way to its targets.

    Subclasses set `model` and `request`, and override the three methods about targets. `read_only`
    is what readers are told who ask for a change.
    """

    model: ClassVar[type[CommandRow]]
    request: ClassVar[type[Request]] = Request
    read_only: ClassVar[str] = "This is shared with you: it can be read, not changed."

    def __init__(self, rows: Iterable[CommandSpec]) -> None:
        self._rows = {row.name: row for row in rows}

    def __getitem__(self, name: str) -> CommandSpec:
        return self._rows[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)

    def resolve_target(self, user: Any, message: Message, own: Any) -> Any:
        """The user's row that a message is about: the named one, else the socket's own.

        Raises UnmaskError (not_found) for strangers exactly as for ids that never were.
        """
        raise NotImplementedError

    def load_target(self, command: CommandRow) -> Any:
        """The target of a stored command as a worker needs it."""
        raise NotImplementedError

    def writing(self, request: Request) -> AbstractContextManager[None]:
        """Around a handler's writing half, on the locked target: may turn refusals into others."""
        return nullcontext()

    def lock_target(self, target: Any) -> None:
        """Inside a transaction: read the target again and let nobody change it until the end."""
        raise NotImplementedError
