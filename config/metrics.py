"""Figures for Prometheus: what workers wrote into their rows, and this web process's sockets.

Readable by staff; a scraper uses a staff member's API token.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import Count
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from accounts.seats import SEATS
from inference import figures
from inference.errors import UnmaskError, error_shape
from inference.figures import process_name
from inference.models import ModelEntry, StreamEvent, WorkerBeat
from inference.registry import living_workers

FAMILIES = {"counter": CounterMetricFamily, "gauge": GaugeMetricFamily}


@dataclass(frozen=True)
class Figure:
    """A figure of every worker: where it stands in the metrics of its row."""

    name: str
    kind: str
    path: tuple[str, str]
    help: str


FIGURES = (
    Figure("unmask_tasks_idle_seconds", "gauge", ("tasks", "idle_seconds"), "since a task began"),
    Figure("unmask_engine_forwards", "counter", ("engine", "forwards"), "forwards made"),
    Figure("unmask_engine_requests", "counter", ("engine", "requests"), "requests in forwards"),
    Figure("unmask_engine_works", "counter", ("engine", "works"), "other work on the device"),
    Figure("unmask_engine_busy_seconds", "counter", ("engine", "busy_seconds"), "time computing"),
    Figure(
        "unmask_engine_gathered_seconds",
        "counter",
        ("engine", "gathered_seconds"),
        "time waited for requests that were about to come",
    ),
    Figure("unmask_engine_waiting", "gauge", ("engine", "waiting"), "jobs in the queue"),
    Figure("unmask_engine_replaced", "counter", ("engine", "replaced"), "stuck threads replaced"),
    Figure("unmask_logits_cache_hits", "counter", ("logits_cache", "hits"), "logits found"),
    Figure("unmask_logits_cache_misses", "counter", ("logits_cache", "misses"), "logits computed"),
    Figure(
        "unmask_logits_cache_evictions", "counter", ("logits_cache", "evictions"), "logits given up"
    ),
    Figure("unmask_logits_cache_bytes", "gauge", ("logits_cache", "bytes"), "bytes of kept logits"),
)


class Site(Collector):
    """Collects at the moment of the request."""

    def collect(self) -> Iterable[Metric]:
        workers = living_workers()
        yield GaugeMetricFamily("unmask_workers", "living workers", value=len(workers))
        yield GaugeMetricFamily("unmask_sockets", "sockets of this process", value=SEATS.open)
        newest = StreamEvent.objects.order_by("-pk").values_list("pk", flat=True).first()
        yield CounterMetricFamily("unmask_events", "events written", value=newest or 0)
        yield _models()
        yield from (_figure(figure, workers) for figure in FIGURES)
        told = {beat.name: beat.metrics.get("figures", []) for beat in workers}
        yield from figures.families(told | {process_name(): figures.snapshot()})


@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Prometheus' text format; 401 for everybody but staff."""
    if not getattr(request.user, "is_staff", False):
        error = UnmaskError("auth", "Metrics are for staff. Send a staff member's API token.")
        return JsonResponse(error_shape(error), status=error.status)
    registry = CollectorRegistry(auto_describe=False)
    registry.register(Site())
    return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


def _models() -> Metric:
    family = GaugeMetricFamily("unmask_models", "models by state", labels=["state"])
    for row in ModelEntry.every.values("state").annotate(count=Count("pk")).order_by("state"):
        family.add_metric([row["state"]], row["count"])
    return family


def _figure(figure: Figure, workers: list[WorkerBeat]) -> Metric:
    make: Callable[..., Any] = FAMILIES[figure.kind]
    family = make(figure.name, figure.help, labels=["worker"])
    group, name = figure.path
    for beat in workers:
        family.add_metric([beat.name], beat.metrics.get(group, {}).get(name, 0))
    return family  # type: ignore[no-any-return]
