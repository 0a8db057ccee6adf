"""Decisions among given choices."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from core.worker.executor import Write
from inference import registry, runtime
from inference.errors import UnmaskError
from inference.models import ModelEntry
from visualizer.commands.requests import Request
from visualizer.commands.schemas.decisions import GAP, Decide, Place
from visualizer.selectors.calibrations import temperature_of
from visualizer.worker.decisions import score


def decide(request: Request) -> Write:
    """decision: a distribution over the choices of each place."""
    message: Decide = request.message
    entry = _model(request.user, message.model)
    temperature = _temperature(request, message, entry)
    model = runtime.load(entry)
    texts = [place.texts() for place in message.places]
    scored = score(model, message.text.split(GAP), texts)
    told = [
        _told(place, choices, logprobs, temperature)
        for place, choices, logprobs in zip(message.places, texts, scored.logprobs, strict=True)
    ]

    def write() -> dict[str, Any]:
        spent = {"rows": scored.rows, "forwards": scored.forwards}
        about = {"model": entry.slug, "temperature": temperature, **spent}
        return {"type": "decision", "places": told, **about}

    return write


def _model(user: Any, slug: str | None) -> ModelEntry:
    """The named model, or the site's default one. Raises UnmaskError."""
    entry = registry.resolve(slug, user) if slug else registry.default_model()
    if entry.kind != ModelEntry.Kind.DIFFUSION:
        raise UnmaskError("validation", "Decisions need a diffusion model.", "model")
    return entry


def _temperature(request: Request, message: Decide, entry: ModelEntry) -> float:
    if message.calibration is not None:
        return temperature_of(request.user, message.calibration, entry.slug)
    return 1.0 if message.temperature is None else message.temperature


def _told(
    place: Place, texts: Sequence[str], logprobs: Sequence[float], temperature: float
) -> dict[str, Any]:
    """Choices in the order in which they were given, the answer, and a number where it is one."""
    shares = softmax([value / temperature for value in logprobs])
    rows = [
        {"text": text, "probability": share, "logprob": logprob}
        for text, share, logprob in zip(texts, shares, logprobs, strict=True)
    ]
    best = max(range(len(shares)), key=shares.__getitem__)
    told = {"kind": place.kind, "answer": texts[best], "probability": shares[best], "choices": rows}
    if place.kind == "scale":
        told["expected"] = sum(int(t) * share for t, share in zip(texts, shares, strict=True))
    return told


def softmax(values: Sequence[float]) -> list[float]:
    """Shares that sum to 1."""
    highest = max(values)
    powers = [math.exp(value - highest) for value in values]
    return [power / sum(powers) for power in powers]
