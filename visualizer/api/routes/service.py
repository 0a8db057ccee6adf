"""`config`, `cache/stats`, `metrics`: what the service offers and how it is doing."""

from __future__ import annotations

from django.http import HttpRequest
from ninja import Router

from inference.errors import UnmaskError
from visualizer.api import service
from visualizer.api.answers import CacheStats, Health, ServiceConfig, ServiceMetrics
from visualizer.api.errors import documented

router = Router(tags=["service"])


@router.get("/config", response=documented(ServiceConfig))
def config(request: HttpRequest) -> ServiceConfig:
    """What can be asked for, within which limits, and what holds where a request is silent."""
    return service.config(request.user)


@router.get("/cache/stats", response=documented(CacheStats))
def cache_stats(request: HttpRequest) -> CacheStats:
    """Hits, misses and bytes of the workers' caches of logits."""
    return service.cache_stats()


@router.get("/metrics", response=documented(ServiceMetrics))
def metrics(request: HttpRequest) -> ServiceMetrics:
    """Your generations by status and how long they took; the site's own figures: /metrics."""
    return service.metrics(request.user)


@router.get("/admin/health", response=documented(Health))
def health(request: HttpRequest) -> Health:
    """For staff: every part that a generation needs, and what each worker holds."""
    if not request.user.is_staff:
        raise UnmaskError("auth", "This is for staff. Send a staff member's API token.")
    return service.health()
