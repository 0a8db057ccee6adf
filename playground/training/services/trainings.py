"""Trainings: begun, paused, stopped and lengthened by their owners."""

from __future__ import annotations

import shutil
from dataclasses import asdict
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import ProtectedError

from core.jobs import dispatch
from core.jobs.leases import expired
from inference import registry
from inference.engine.corpora.library import LIBRARY
from inference.engine.errors import InputError
from inference.engine.training.texts.kinds import KINDS
from inference.engine.training.texts.settings import STEPS, Sizes, checked_sizes
from inference.errors import UnmaskError
from inference.errors import correlation_id as current_id
from inference.events import publish
from inference.models import ModelEntry, Stream
from playground.training.models import DayUse, Text, Training
from playground.training.selectors.payloads import status_payload
from playground.training.selectors.quotas import (
    MOST_ACTIVE,
    bytes_quota,
    models_quota,
    seconds_quota,
)

Status = Training.Status
BYTES_PER_WEIGHT = 70
"""Some thirty moments in two bytes, and a checkpoint of weights, averages and optimisers."""
PROMPT = 40
USED_UP = "Today's minutes of training are used up. It can go on tomorrow."


@transaction.atomic
def create_training(
    *,
    owner: Any,
    kind: str,
    corpus: str = "",
    text: Text | None = None,
    name: str = "",
    sizes: dict[str, Any] | None = None,
    steps: int = 2000,
    seed: int = 0,
    prompt: str = "",
) -> Training:
    """Queue a training on a text of the library or of the owner's.

    Raises UnmaskError: validation naming the field, conflict where a quota is used up.
    """
    chosen = _sizes(sizes or {})
    _check_corpus(corpus, text, kind, chosen)
    _check_quotas(owner, chosen)
    training = Training.objects.create(
        owner=owner,
        name=name or _name(kind, corpus, text),
        kind=kind,
        corpus=corpus,
        text=text,
        sizes=asdict(chosen),
        prompt=prompt or _prompt(corpus, text),
        seed=seed,
        stretches=[[0, steps]],
        stream=Stream.objects.create(),
        correlation_id=current_id.get(),
    )
    tell(training)
    dispatch.work(training)
    return training


def _name(kind: str, corpus: str, text: Text | None) -> str:
    about = LIBRARY[corpus].label if corpus else text.name if text else ""
    return f"{about}, {KINDS[kind].label}"[:100]


def _sizes(given: dict[str, Any]) -> Sizes:
    try:
        return checked_sizes(given)
    except InputError as error:
        raise UnmaskError("validation", error.message, error.field) from None


def _check_corpus(corpus: str, text: Text | None, kind: str, sizes: Sizes) -> None:
    if bool(corpus) == (text is not None):
        raise UnmaskError("validation", "Choose one text to train on.", "corpus")
    if corpus and not LIBRARY[corpus].there():
        raise UnmaskError("validation", "This text is not installed on this site.", "corpus")
    least = 4 * (sizes.context + int(KINDS[kind].causal))
    if text is not None and text.characters < least:
        raise UnmaskError(
            "validation",
            f"A window of {sizes.context} needs a text of at least {least} characters.",
            "context",
        )


def _prompt(corpus: str, text: Text | None) -> str:
    return LIBRARY[corpus].prompt if corpus else text.text[:PROMPT] if text else ""


def _check_quotas(owner: Any, sizes: Sizes) -> None:
    _check_active(owner)
    if not models_quota(owner).left:
        most = int(models_quota(owner).most)
        raise UnmaskError("conflict", f"An account keeps at most {most} trainings. Delete one.")
    wanted = BYTES_PER_WEIGHT * sizes.parameters(sizes.vocabulary)
    quota = bytes_quota(owner)
    if wanted > quota.left:
        raise UnmaskError(
            "conflict",
            f"This training may take {wanted >> 20} MB; you have {int(quota.left) >> 20} MB of "
            f"{int(quota.most) >> 20} left. Choose a smaller model, or delete a training.",
        )


def _check_active(owner: Any) -> None:
    active = Training.objects.filter(owner=owner, status__in=Training.ACTIVE, paused=False)
    if active.count() >= MOST_ACTIVE:
        raise UnmaskError("conflict", f"{MOST_ACTIVE} of your trainings go on already. Pause one.")
    if not seconds_quota(owner).left:
        raise UnmaskError("conflict", USED_UP)


@transaction.atomic
def pause(*, training: Training) -> Training:
    """Have it pause after the step in the making. Raises UnmaskError (conflict)."""
    if training.state not in ("queued", "running"):
        raise UnmaskError("conflict", "This training does not go on at the moment.")
    return _change(training, paused=True)


@transaction.atomic
def resume(*, training: Training) -> Training:
    """Have a paused training go on. Raises UnmaskError (conflict)."""
    if training.state != "paused":
        raise UnmaskError("conflict", "This training is not paused.")
    _check_active(training.owner)
    return _change(training, paused=False, note="")


@transaction.atomic
def stop(*, training: Training) -> Training:
    """End it; what it has learned is kept. Raises UnmaskError (conflict)."""
    if training.status not in Training.ACTIVE:
        raise UnmaskError("conflict", "This training has ended already.")
    return _change(training, paused=False, cancel_requested=True)


@transaction.atomic
def extend(*, training: Training, steps: int) -> Training:
    """Go on for some more steps, from where it is or will be.

    Raises UnmaskError: conflict for one that cannot go on, validation for too many steps.
    """
    _check_can_go_on(training)
    ended = training.status not in Training.ACTIVE
    if ended:
        _check_active(training.owner)
    stretches = _cut(training.stretches, training.step) if ended else training.stretches
    last = stretches[-1][1] if stretches else 0
    if last + steps > STEPS.high:
        raise UnmaskError("validation", f"A training has at most {STEPS.high:,.0f} steps.", "steps")
    columns: dict[str, Any] = {"stretches": [*stretches, [last, last + steps]]}
    if ended:
        columns |= {"status": Status.QUEUED, "finished": None, "cancel_requested": False}
        columns |= {"error": None, "attempts": 0, "note": ""}
    return _change(training, **columns)


def _check_can_go_on(training: Training) -> None:
    if not training.corpus and training.text is None:
        raise UnmaskError("conflict", "Its text was deleted, so that it cannot go on.")


def _cut(stretches: list[list[int]], step: int) -> list[list[int]]:
    """The stretches as far as they were trained."""
    return [[first, min(last, step)] for first, last in stretches if first < step]


def _change(training: Training, **columns: Any) -> Training:
    for name, value in columns.items():
        setattr(training, name, value)
    training.save(update_fields=[*columns, "updated"])
    tell(training)
    dispatch.work(training)
    return training


def rename(*, training: Training, name: str) -> Training:
    """Another name for the training and its model."""
    with transaction.atomic():
        training.name = name
        training.save(update_fields=["name", "updated"])
        if training.model_id is not None:
            ModelEntry.every.filter(pk=training.model_id).update(label=name)
        tell(training)
    return training


@transaction.atomic
def delete(*, training: Training) -> None:
    """Forget a training, its files and its model. Raises UnmaskError (conflict) while it goes on.

    A model that conversations or sessions were made with stays as one without files.
    """
    if training.state in ("queued", "running") or _is_held(training):
        raise UnmaskError("conflict", "This training goes on. Stop it first.")
    folder, model = settings.TRAINING_DIR / str(training.pk), training.model
    training.delete()
    if model is not None:
        _forget_model(model)
    transaction.on_commit(lambda: shutil.rmtree(folder, ignore_errors=True))


def _is_held(training: Training) -> bool:
    return not Training.objects.filter(expired(), pk=training.pk).exists()


def _forget_model(model: ModelEntry) -> None:
    registry.request_unload(model.slug)
    try:
        with transaction.atomic():
            model.delete()
    except ProtectedError:
        ModelEntry.every.filter(pk=model.pk).update(state=ModelEntry.State.ABSENT, path="")


def tell(training: Training) -> None:
    """Inside a transaction: how the training stands."""
    publish(training.stream_id, "status", {"status": status_payload(training)})


@transaction.atomic
def hand_over(*, giver: Any, taker: Any) -> None:
    """Give everything to another account, what was used of today's minutes too."""
    for table in (Training, Text):
        table.objects.filter(owner=giver).update(owner=taker)
    ModelEntry.every.filter(owner=giver).update(owner=taker)
    for row in DayUse.objects.filter(owner=giver):
        kept, _ = DayUse.objects.get_or_create(owner=taker, day=row.day)
        DayUse.objects.filter(pk=kept.pk).update(seconds=kept.seconds + row.seconds)
