"""Celery tasks of the playground: ids in, the executor called."""

from __future__ import annotations

from celery import shared_task

from core.worker import executor
from inference import runtime
from inference.connections import kept_open
from playground.commands import COMMANDS
from playground.models import ChatCommand, Completion, Message
from playground.worker import answers, completions


@shared_task(name=Message.TASK)
@kept_open
def answer(message_id: str) -> None:
    """Begin an answer when its model is loaded."""
    slug = Message.objects.values_list("model__slug", flat=True).filter(pk=message_id).first()
    runtime.run_when_loaded(slug, f"answer {message_id}", lambda: answers.work(message_id))


@shared_task(name=ChatCommand.TASK)
@kept_open
def execute(command_id: int) -> None:
    """Work a command that is about a model and no conversation, when that is loaded."""
    rows = ChatCommand.objects.filter(pk=command_id)
    slug = (rows.values_list("message", flat=True).first() or {}).get("model")
    work = lambda: executor.execute(COMMANDS, command_id)  # noqa: E731
    runtime.run_when_loaded(slug, f"playground command {command_id}", work)


@shared_task(name=Completion.TASK)
@kept_open
def complete(completion_id: str) -> None:
    """Write tokens of a completion when its model is loaded."""
    rows = Completion.objects.filter(pk=completion_id)
    slug = rows.values_list("model__slug", flat=True).first()
    work = lambda: completions.work(completion_id)  # noqa: E731
    runtime.run_when_loaded(slug, f"completion {completion_id}", work)
