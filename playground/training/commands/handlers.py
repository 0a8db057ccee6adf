"""What the commands of trainings do, and what they answer."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from django.urls import reverse

from core.links import revoke
from inference.engine.training.texts.settings import PRESETS
from playground.training.commands.table import Request
from playground.training.models import Training, TrainingCommand, TrainingLink
from playground.training.selectors import payloads
from playground.training.selectors.links import link_of, links_of
from playground.training.selectors.trainings import text_for
from playground.training.services import links, trainings

Reply = dict[str, Any]


def train(request: Request) -> Reply:
    """training: the new one."""
    asked = request.message
    sizes = asdict(PRESETS[asked.preset]) | (asked.sizes.given() if asked.sizes else {})
    text = text_for(request.user, asked.text_id) if asked.text_id is not None else None
    training = trainings.create_training(
        owner=request.user,
        kind=asked.kind,
        corpus=asked.corpus or "",
        text=text,
        name=asked.name.strip(),
        sizes=sizes,
        steps=asked.steps,
        seed=asked.seed,
        prompt=asked.prompt,
    )
    return _told(training)


def pause(request: Request) -> Reply:
    """training: it pauses."""
    return _told(trainings.pause(training=request.training))


def resume(request: Request) -> Reply:
    """training: it goes on."""
    return _told(trainings.resume(training=request.training))


def stop(request: Request) -> Reply:
    """training: it ends."""
    return _told(trainings.stop(training=request.training))


def extend(request: Request) -> Reply:
    """training: with its further steps."""
    return _told(trainings.extend(training=request.training, steps=request.message.steps))


def rename(request: Request) -> Reply:
    """training: under its new name."""
    name = request.message.name.strip() or request.training.name
    return _told(trainings.rename(training=request.training, name=name))


def delete(request: Request) -> Reply:
    """deleted: the id of what is gone."""
    id = str(request.training.pk)
    rows = TrainingCommand.objects.filter(pk=request.command.pk)
    rows.update(training=None)  # the answer outlives what it was about
    trainings.delete(training=request.training)
    return {"type": "deleted", "training_id": id}


def share(request: Request) -> Reply:
    """link_made: its token and path, told this once."""
    asked = request.message
    link, token = links.share(training=request.training, name=asked.name, hours=asked.hours)
    path = reverse("shared_training", args=[token])
    return {"type": "link_made", "link": _link(link), "token": token, "path": path}


def unshare(request: Request) -> Reply:
    """link_list: the links that are left."""
    revoke(link_of(request.training, request.message.link))
    left = [_link(link) for link in links_of(request.training)]
    return {"type": "link_list", "training_id": str(request.training.pk), "links": left}


def whole(request: Request) -> Reply:
    """whole: status, points and moments, and the number of the newest event."""
    return {"type": "whole", **payloads.whole(request.training)}


def _told(training: Training) -> Reply:
    return {
        "type": "training",
        "training_id": str(training.pk),
        "status": payloads.status_payload(training),
    }


def _link(link: TrainingLink) -> Reply:
    expires = link.expires.isoformat() if link.expires else None
    return {"id": link.pk, "name": link.name, "expires": expires}
