"""Figures and facts about the service, read from rows and tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db.models import Count, F, Q

from core.http.health import reasons
from core.http.sse import HEARTBEAT_SECONDS
from inference.catalog import RECIPES, RecipeEntry
from inference.errors import UnmaskError, correlation_id
from inference.limits import LIMITS
from inference.models import WorkerBeat
from inference.registry import living_workers
from visualizer.api import model_list
from visualizer.api.answers import CacheStats, Health, ServiceConfig, ServiceMetrics
from visualizer.api.requests import LONGEST_GAP
from visualizer.models import Generation
from visualizer.selectors.durations import durations, quantile

NAMED = ("gen_length", "block_length", "seed", "prompt")
"""Rows of the table of limits that requests are held to."""
MONTH = timedelta(days=30)
NEWEST = 1000
"""Durations are those of as many finished generations, the newest ones."""


def config(user: Any) -> ServiceConfig:
    return ServiceConfig(
        enabled=settings.DIFFUSION_LLM_ENABLED,
        default_model=_default_model(user),
        devices=sorted({beat.device for beat in living_workers()}),
        defaults={
            "max_new_tokens": LIMITS["gen_length"].default,
            "longest_gap": LONGEST_GAP,
            "seed": LIMITS["seed"].default,
        },
        limits={name: asdict(LIMITS[name]) for name in NAMED},
        recipes=[_recipe(name, row) for name, row in RECIPES.items()],
        stream_rate=settings.STREAM_RATE,
        heartbeat_seconds=HEARTBEAT_SECONDS,
    )


def _default_model(user: Any) -> str | None:
    try:
        return model_list.current(user).slug
    except UnmaskError:
        return None


def _recipe(name: str, row: RecipeEntry) -> dict[str, Any]:
    parameters = [asdict(one) for one in row.parameters()]
    about = {"name": name, "label": row.label, "sentence": row.sentence, "source": row.source}
    return {**about, "needs": sorted(row.needs), "parameters": parameters}


def cache_stats() -> CacheStats:
    workers = [_cache_of(beat) for beat in living_workers()]
    hits, misses = _sum(workers, "hits"), _sum(workers, "misses")
    return CacheStats(
        workers=workers,
        hits=hits,
        misses=misses,
        hit_rate=round(hits / (hits + misses), 4) if hits + misses else None,
        bytes=_sum(workers, "bytes"),
        budget=_sum(workers, "budget"),
    )


def _cache_of(beat: WorkerBeat) -> dict[str, Any]:
    return {"worker": beat.name, "device": beat.device, **beat.metrics.get("logits_cache", {})}


def _sum(workers: Sequence[dict[str, Any]], name: str) -> int:
    return sum(int(worker.get(name, 0)) for worker in workers)


def health() -> Health:
    found = reasons()
    workers = [
        {"name": beat.name, "device": beat.device, "loaded": beat.loaded, "figures": beat.metrics}
        for beat in living_workers()
    ]
    return Health(
        status="unhealthy" if any(found.values()) else "healthy",
        parts={name: reason or "ok" for name, reason in found.items()},
        workers=workers,
        correlation_id=correlation_id.get(),
    )


def metrics(user: Any) -> ServiceMetrics:
    own = Generation.objects.filter(owner=user)
    counts = own.order_by("status").values_list("status").annotate(Count("pk"))
    return ServiceMetrics(
        generations=dict(counts),
        durations=_durations(own),
        streams=_streams(user),
        workers=len(living_workers()),
    )


def _streams(user: Any) -> list[dict[str, Any]]:
    """Durations of the user's requests of a month, by model and route."""
    return [
        {"model": one.model, "route": one.route, "outcomes": one.outcomes, **_summary(one.seconds)}
        for one in durations(user, MONTH)
    ]


def _durations(own: Any) -> list[dict[str, Any]]:
    """Median and 95th percentile of the seconds from request to end, by model."""
    ended = own.filter(~Q(finished=None), status=Generation.Status.DONE)
    rows = ended.annotate(lasted=F("finished") - F("created")).values_list("model__slug", "lasted")
    by_model: dict[str, list[float]] = {}
    for model, lasted in rows[:NEWEST]:
        by_model.setdefault(model, []).append(lasted.total_seconds())
    rows = sorted(by_model.items())
    return [{"model": model, **_summary(sorted(seconds))} for model, seconds in rows]


def _summary(seconds: list[float]) -> dict[str, Any]:
    return {
        "count": len(seconds),
        "p50": round(quantile(seconds, 0.5), 3),
        "p95": round(quantile(seconds, 0.95), 3),
    }
