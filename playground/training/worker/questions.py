"""The time machine: every kept moment of a training answers the same prompt."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.conf import settings

from inference.engine.checkpoint import load
from inference.engine.training.texts.kinds import KINDS
from inference.engine.training.texts.writing import frames_of
from inference.errors import UnmaskError
from inference.runtime.error_mapping import engine_errors
from playground.training.commands.table import Request
from playground.training.models import Moment, Question, Training
from playground.training.selectors.trainings import moments_of, training_for

KEPT = 20
"""Questions of a training whose answers are kept."""
Reply = dict[str, Any]


def ask(request: Request) -> Callable[[], Reply]:
    """answers: of each moment, in order; `frames` are the steps of a diffusion model."""
    asked = request.message
    training = training_for(request.user, asked.training_id)
    moments = list(moments_of(training))
    if not moments:
        raise UnmaskError("conflict", "There is no moment to ask yet. Wait for the first one.")
    with engine_errors():
        answers = [_answer(training, moment, asked) for moment in moments]
    return lambda: _kept(training, asked, answers)


def _answer(training: Training, moment: Moment, asked: Any) -> Reply:
    """The moment's text behind the prompt; of a causal model the finished one alone."""
    model = load(settings.TRAINING_DIR / moment.folder)
    frames = frames_of(model, asked.prompt, asked.length, asked.temperature, asked.seed)
    if KINDS[training.kind].causal:
        frames = frames[-1:]
    return {"step": moment.step, "frames": frames}


def _kept(training: Training, asked: Any, answers: list[Reply]) -> Reply:
    row = Question.objects.create(
        training=training,
        prompt=asked.prompt,
        length=asked.length,
        temperature=asked.temperature,
        seed=asked.seed,
        answers=answers,
    )
    rows = Question.objects.filter(training=training)
    rows.exclude(pk__in=list(rows.values_list("pk", flat=True)[:KEPT])).delete()
    told = {"training_id": str(training.pk), "question_id": row.pk, "prompt": row.prompt}
    return {"type": "answers", **told, "answers": answers}
