"""The pages of trainings: tabs, a form for a new one, one training with its curve."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from accounts.paths import socket_of
from inference.engine.corpora.library import LIBRARY
from inference.engine.training.texts.kinds import KINDS
from inference.engine.training.texts.settings import PRESETS, RANGES, STEPS
from inference.errors import UnmaskError
from inference.models import ModelEntry
from playground.training.models import Question, Training
from playground.training.selectors import payloads, quotas
from playground.training.selectors.trainings import (
    moments_of,
    questions_of,
    texts_of,
    training_for,
    trainings_of,
)
from playground.training.services.documents import FILE_BYTES
from playground.training.services.texts import LEAST, MOST
from playground.training.views.forms import OWN

TABS = 12
"""Trainings that have a tab; older ones are in the list below the form."""


@login_required
@require_safe
def trainings(request: HttpRequest) -> HttpResponse:
    """The form for a new training, and all that there are."""
    fresh = request.GET.get("text", "")
    form = {"corpus": OWN + fresh} if fresh else {}
    return render(request, "training/trainings.html", form_context(request.user, form, None))


def form_context(user: Any, form: dict[str, str], problem: UnmaskError | None) -> dict[str, Any]:
    """What the form needs; `form` is what was sent, `problem` what was wrong with it."""
    texts = texts_of(user)
    return {
        "page": "training",
        "form": {"kind": "characters", "preset": "small", "steps": "2000", **form},
        "problem": problem,
        "kinds": KINDS.values(),
        "library": [row for row in LIBRARY.values() if row.there()],
        "texts": texts,
        "own": [(f"{OWN}{row.pk}", row) for row in texts],
        "presets": [(name, _preset_words(name)) for name in PRESETS],
        "ranges": [(name, _label(name), row, form.get(name, "")) for name, row in RANGES.items()],
        "steps": STEPS,
        "tabs": _tabs(user),
        "rows": trainings_of(user),
        "quotas": _quotas(user),
        "text_limits": {"least": LEAST, "most": MOST, "megabytes": FILE_BYTES >> 20},
    }


def _label(name: str) -> str:
    return name.replace("_", " ").capitalize()


def _preset_words(name: str) -> str:
    sizes = PRESETS[name]
    about = sizes.parameters(sizes.vocabulary if name == "medium" else 100)
    return (
        f"{name}: {sizes.layers} × {sizes.width}, about {about // 1000}K weights, learning rate "
        f"{sizes.learning_rate:g}"
    )


def _tabs(user: Any) -> list[Training]:
    return list(trainings_of(user)[:TABS])


def _quotas(user: Any) -> list[tuple[str, str]]:
    """What is left of everything, in words."""
    models, size = quotas.models_quota(user), quotas.bytes_quota(user)
    seconds, texts = quotas.seconds_quota(user), quotas.texts_quota(user)
    return [
        ("Trainings", f"{models.used:.0f} of {models.most:.0f}"),
        ("Disk", f"{size.used / 2**20:.1f} of {size.most / 2**20:.0f} MB"),
        ("Minutes today", f"{seconds.used / 60:.1f} of {seconds.most / 60:.0f}"),
        ("Texts", f"{texts.used / 2**20:.1f} of {texts.most / 2**20:.0f} MB"),
    ]


@login_required
@require_safe
def training(request: HttpRequest, training_id: UUID) -> HttpResponse:
    """One training: how it stands, its curve, its samples, its time machine."""
    found = training_for(request.user, training_id)
    context = page_context(found, asked_number(request)) | {
        "tabs": _tabs(request.user),
        "base": reverse("training", args=[found.pk]),
        "socket": socket_of(f"/training/{found.pk}"),
        "steps": STEPS,
    }
    return render(request, "training/training.html", context)


def asked_number(request: HttpRequest) -> int | None:
    """`?question=ID` of the address; None where there is no number."""
    text = request.GET.get("question", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else None


def page_context(found: Training, question: int | None) -> dict[str, Any]:
    """What the page of a training shows, whoever looks."""
    told = payloads.whole(found)
    kind = KINDS[found.kind]
    asked = list(questions_of(found))
    shown = next((row for row in asked if row.pk == question), asked[0] if asked else None)
    return {
        "page": "training",
        "training": found,
        "kind": kind,
        "about": LIBRARY[found.corpus].label if found.corpus else _own_text(found),
        "told": told,
        "status": told["status"],
        "newest": moments_of(found).order_by("-step"),
        "questions": asked,
        "question": shown,
        "answers": _answers(shown),
        "model": _usable(found.model),
        "facts": _facts(found),
    }


def _own_text(found: Training) -> str:
    return found.text.name if found.text else "a text that was deleted"


def _usable(model: ModelEntry | None) -> ModelEntry | None:
    absent = model is None or model.state == ModelEntry.State.ABSENT
    return None if absent else model


def _answers(question: Question | None) -> list[dict[str, Any]]:
    """Each moment's answer; `text` is the finished one."""
    rows = question.answers if question else []
    return [{**row, "text": row["frames"][-1] if row["frames"] else ""} for row in rows]


def _facts(found: Training) -> list[tuple[str, str]]:
    sizes = found.sizes
    layers = f"{sizes['layers']} layer{'' if sizes['layers'] == 1 else 's'}"
    return [
        ("Shape", f"{layers} of width {sizes['width']}, {sizes['heads']} heads"),
        ("Window", f"{sizes['context']} {KINDS[found.kind].unit}s"),
        ("Batch", f"{sizes['batch_size']} windows"),
        ("Learning rate", f"{sizes['learning_rate']:g}"),
        ("Seed", str(found.seed)),
    ]
