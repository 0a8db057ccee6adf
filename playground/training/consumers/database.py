"""What the sockets of trainings ask the database, in one of the sockets' threads."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from core.sockets.threads import COMMANDS, EVENTS, in_lane
from playground.training.models import Training
from playground.training.selectors import payloads
from playground.training.selectors.links import training_by_link
from playground.training.selectors.trainings import training_for


@in_lane(COMMANDS)
def find_training(user: Any, id: UUID | str) -> Training:
    """The user's training. Raises UnmaskError."""
    return training_for(user, id)


@in_lane(EVENTS)
def find_by_link(token: str) -> Training:
    """What a link shows. Raises UnmaskError."""
    return training_by_link(token)


@in_lane(COMMANDS)
def take_whole(user: Any, training: Training) -> dict[str, Any]:
    """The training as it stands. Raises UnmaskError once it has been deleted."""
    return payloads.whole(training_for(user, training.pk))
