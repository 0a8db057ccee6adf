"""The doors through which trainings and texts are reached: each takes the user."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from inference.errors import UnmaskError
from playground.training.models import Moment, Question, Text, Training


def trainings_of(user: Any) -> QuerySet[Training]:
    """The user's trainings, newest first."""
    return Training.objects.filter(owner=user).select_related("model", "text", "stream")


def training_for(user: Any, id: UUID | str) -> Training:
    """The user's training. Raises not_found for strangers exactly as for ids that never were."""
    try:
        key = id if isinstance(id, UUID) else UUID(id)
    except ValueError:
        raise no_training() from None
    found = trainings_of(user).filter(pk=key).first()
    if found is None:
        raise no_training()
    return found


def no_training() -> UnmaskError:
    """What strangers are told, and whoever names one that never was."""
    return UnmaskError("not_found", "There is no such training, or it is not yours.", "training_id")


def texts_of(user: Any) -> QuerySet[Text]:
    """The user's texts without what is in them, newest first."""
    return Text.objects.filter(owner=user).defer("text")


def text_for(user: Any, id: int) -> Text:
    """The user's text. Raises not_found."""
    found = texts_of(user).filter(pk=id).first()
    if found is None:
        raise UnmaskError("not_found", "There is no such text, or it is not yours.", "text_id")
    return found


def moments_of(training: Training) -> QuerySet[Moment]:
    """The kept moments that belong to what the training stands at, in order."""
    return Moment.objects.filter(training=training).order_by("step")


def questions_of(training: Training) -> QuerySet[Question]:
    """Prompts that the moments have answered, newest first."""
    return Question.objects.filter(training=training)
