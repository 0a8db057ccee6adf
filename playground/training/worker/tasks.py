"""Celery tasks of trainings: ids in, the executor called."""

from __future__ import annotations

from celery import shared_task

from core.worker import executor
from inference.connections import kept_open
from playground.training.commands import COMMANDS
from playground.training.models import Training, TrainingCommand
from playground.training.worker import trainings


@shared_task(name=Training.TASK)
@kept_open
def train(training_id: str) -> None:
    """Work a training for a while."""
    trainings.work(training_id)


@shared_task(name=TrainingCommand.TASK)
@kept_open
def execute(command_id: int) -> None:
    """Carry out a command that any worker may: a question to all moments."""
    executor.execute(COMMANDS, command_id)
