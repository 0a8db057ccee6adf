"""The command table of trainings: all is answered by the web side, but questions to moments."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from core.commands.fields import Message
from core.commands.table import CommandSpec, CommandTable, RunsOn
from core.commands.table import Request as AnyRequest
from core.jobs.models import CommandRow
from inference.errors import UnmaskError
from playground.training.commands import schemas
from playground.training.models import Training, TrainingCommand
from playground.training.selectors.trainings import training_for


@dataclass(frozen=True, slots=True)
class Request(AnyRequest):
    """A request whose target, if it has one, is a training of the asker's."""

    @property
    def training(self) -> Training:
        found: Training = self.target
        return found


class TrainingCommands(CommandTable):
    """Commands whose target is a training."""

    model = TrainingCommand
    request = Request
    read_only = "You are watching a shared training: it can be seen, not changed."

    def resolve_target(self, user: Any, message: Message, own: Any) -> Training:
        """`own`: the socket's training, read again here as one of the user's."""
        named = getattr(message, "training_id", None)
        if named is None and own is None:
            raise UnmaskError("validation", "Name a training first.", "training_id")
        return training_for(user, named or own.pk)

    def load_target(self, command: CommandRow) -> Training | None:
        id = getattr(command, "training_id", None)
        return None if id is None else Training.objects.get(pk=id)

    def lock_target(self, target: Any) -> None:
        rows = Training.objects.select_for_update(no_key=True, of=("self",))
        target.refresh_from_db(from_queryset=rows)


_ASK = "playground.training.worker.questions"


def _row(name: str, schema: type[Message], reply: str, **flags: Any) -> CommandSpec:
    handler = f"playground.training.commands.handlers.{name}"
    return CommandSpec(name, schema, RunsOn.WEB, handler, reply, **flags)


COMMANDS = TrainingCommands(
    (
        _row("train", schemas.Train, "training", opens=True),
        _row("pause", schemas.Pause, "training", overtakes=True),
        _row("resume", schemas.Resume, "training"),
        _row("stop", schemas.Stop, "training", overtakes=True),
        _row("extend", schemas.Extend, "training"),
        _row("rename", schemas.Rename, "training"),
        _row("delete", schemas.Delete, "deleted"),
        _row("share", schemas.Share, "link_made", once=("token", "path")),
        _row("unshare", schemas.Unshare, "link_list"),
        _row("whole", schemas.Whole, "whole", reads=True),
        CommandSpec(
            "ask", schemas.Ask, RunsOn.WORKER, "playground.training.worker.questions.ask", "answers"
        ),
    )
)
