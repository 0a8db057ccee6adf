"""The command table of the playground.

What is about conversations is answered by the web side: a row, then a task.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from core.commands.fields import Message
from core.commands.table import CommandSpec, CommandTable, RunsOn
from core.commands.table import Request as AnyRequest
from core.jobs.models import CommandRow
from inference.errors import UnmaskError
from playground.commands import schemas, token_schemas
from playground.models import ChatCommand, Conversation
from playground.selectors.conversations import conversation_for
from playground.services.conversations import hold


@dataclass(frozen=True, slots=True)
class Request(AnyRequest):
    """A request whose target, if it has one, is a conversation of the asker's."""

    @property
    def conversation(self) -> Conversation:
        found: Conversation = self.target
        return found


class ChatCommands(CommandTable):
    """Commands whose target is a conversation."""

    model = ChatCommand
    request = Request

    def resolve_target(self, user: Any, message: Message, own: Any) -> Conversation:
        """`own`: the socket's conversation, read again here as one of the user's."""
        named = getattr(message, "conversation_id", None)
        if named is None and own is None:
            raise UnmaskError("validation", "Name a conversation first.", "conversation_id")
        return conversation_for(user, named or own.pk)

    def load_target(self, command: CommandRow) -> Conversation | None:
        id = getattr(command, "conversation_id", None)
        return None if id is None else Conversation.objects.get(pk=id)

    def lock_target(self, target: Any) -> None:
        hold(target)


_NAMES = {"continue": "continue_answer"}
"""Words that Python keeps for itself."""


def _row(name: str, schema: type[Message], reply: str, **flags: Any) -> CommandSpec:
    handler = f"playground.commands.handlers.{_NAMES.get(name, name)}"
    return CommandSpec(name, schema, RunsOn.WEB, handler, reply, **flags)


_WORKER_ROWS = (
    CommandSpec(
        "next_token",
        token_schemas.NextToken,
        RunsOn.WORKER,
        "playground.worker.next_token.next_token",
        "next_token",
    ),
    CommandSpec(
        "score_text",
        token_schemas.ScoreText,
        RunsOn.WORKER,
        "playground.worker.scores.score_text",
        "text_score",
    ),
    CommandSpec(
        "score_tokens",
        token_schemas.ScoreTokens,
        RunsOn.WORKER,
        "playground.worker.scores.score_tokens",
        "text_score",
    ),
    CommandSpec(
        "score_both",
        token_schemas.ScoreBoth,
        RunsOn.WORKER,
        "playground.worker.both_scores.score_both",
        "both_scores",
    ),
    CommandSpec(
        "keep_tree",
        token_schemas.KeepTree,
        RunsOn.WORKER,
        "playground.worker.token_trees.keep_tree",
        "tree_kept",
        bulk=("tokens",),
    ),
)
"""What needs a model and no conversation."""

COMMANDS = ChatCommands(
    (
        _row("send", schemas.Send, "started", opens=True),
        _row("stop", schemas.Stop, "stopping", overtakes=True),
        _row("edit", schemas.Edit, "started"),
        _row("regenerate", schemas.Regenerate, "started"),
        _row("continue", schemas.Continue, "started"),
        _row("choose", schemas.Choose, "started"),
        _row("show", schemas.Show, "shown"),
        _row("older", schemas.Older, "older", reads=True),
        _row("change", schemas.Change, "changed"),
        _row("share", schemas.Share, "link_made", once=("token", "path")),
        _row("unshare", schemas.Unshare, "link_list"),
        _row("delete", schemas.Delete, "changed"),
        _row("restore", schemas.Restore, "changed"),
        *_WORKER_ROWS,
    )
)
