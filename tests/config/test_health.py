"""Health, readiness, metrics, and what every answer carries."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import DisallowedHost
from django.http import HttpRequest, HttpResponse
from django.test import AsyncRequestFactory, Client
from django.utils import timezone

from config.health import probes
from config.middleware import POLICY
from core.http import health
from inference.figures import process_name
from inference.models import ModelEntry, WorkerBeat

pytestmark = pytest.mark.django_db
OK = dict.fromkeys(("database", "channel layer", "worker", "model", "disk"), "ok")
METRICS = {"engine": {"forwards": 7}, "logits_cache": {"hits": 3}}


def _worker(age: float = 0, idle: float = 0, name: str = "w:1") -> None:
    seen = timezone.now() - timedelta(seconds=age)
    metrics = {**METRICS, "tasks": {"idle_seconds": idle}}
    WorkerBeat.objects.create(name=name, device="cpu", loaded=[], metrics=metrics, seen=seen)


def _model(state: str) -> None:
    ModelEntry.objects.all().update(is_default=False)
    ModelEntry.objects.create(slug="m", label="M", path="m", state=state, is_default=True)


def _parts() -> tuple[int, dict[str, str]]:
    answer = Client().get("/readyz")
    return answer.status_code, answer.json()["parts"]


def test_health_needs_nothing() -> None:
    assert Client().get("/healthz").json() == {"status": "ok"}


@pytest.mark.parametrize(
    "host", ["10.42.0.17:8000", "[fd00::17]:8000", "probe.internal", "bad host"]
)
def test_probes_come_by_address_and_pages_do_not(host: str) -> None:
    _worker()
    _model("loaded")
    client = Client(headers={"host": host})
    assert [client.get(path).status_code for path in ("/healthz", "/readyz")] == [200, 200]
    assert [client.get(path).status_code for path in ("/", "/metrics")] == [400, 400]


async def test_probes_come_by_address_to_the_server_too() -> None:
    """Under ASGI the middlewares are coroutines."""

    async def page(request: HttpRequest) -> HttpResponse:
        return HttpResponse(request.get_host())

    answer: Any = probes(page)
    ask = AsyncRequestFactory().get
    host = {"headers": {"host": "10.42.0.17"}}
    assert (await answer(ask("/healthz", **host))).content == b'{"status": "ok"}'
    with pytest.raises(DisallowedHost):
        await answer(ask("/", **host))


def test_ready_when_everything_is_there() -> None:
    _worker()
    _model("loaded")
    status, parts = _parts()
    assert (status, set(parts.values())) == (200, {"ok"})


@pytest.mark.parametrize("age", [None, 60])
def test_not_ready_without_a_living_worker(age: float | None) -> None:
    if age is not None:
        _worker(age)
    _model("loaded")
    status, parts = _parts()
    assert (status, parts["worker"]) == (503, "no worker is alive")


def test_a_worker_that_beats_but_takes_nothing_is_not_ready() -> None:
    _worker(idle=600)
    _model("loaded")
    assert _parts() == (503, {**OK, "worker": "no worker takes tasks"})
    _worker(idle=1, name="w:2")
    assert _parts() == (200, OK)


def test_not_ready_while_the_model_loads() -> None:
    _worker()
    _model("loading")
    status, parts = _parts()
    assert (status, parts["model"]) == (503, "the default model is loading")


def test_a_part_that_raises_is_a_reason_not_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> str:
        raise ConnectionError("secret address")

    monkeypatch.setitem(health.CHECKS, "channel layer", broken)
    status, parts = _parts()
    assert (status, parts["channel layer"]) == (503, "failed: ConnectionError")


def test_every_answer_has_its_own_correlation_id_and_the_policy() -> None:
    first, second = Client().get("/healthz"), Client().get("/nowhere")
    ids = {first.headers["X-Correlation-ID"], second.headers["X-Correlation-ID"]}
    assert len(ids) == 2
    assert all(answer.headers["Content-Security-Policy"] == POLICY for answer in (first, second))
    assert "unsafe" not in POLICY
    assert first.headers["X-Content-Type-Options"] == "nosniff"
    assert first.headers["X-Frame-Options"] == "DENY"


def test_metrics_are_for_staff(owner: User, owner_client: Client) -> None:
    assert owner_client.get("/metrics").status_code == 401
    assert Client().get("/metrics").json()["error_type"] == "auth"
    User.objects.filter(pk=owner.pk).update(is_staff=True)
    _worker()
    text = owner_client.get("/metrics").content.decode()
    assert "unmask_workers 1.0" in text
    assert 'unmask_tasks_idle_seconds{worker="w:1"} 0.0' in text
    assert 'unmask_engine_forwards_total{worker="w:1"} 7.0' in text
    assert 'unmask_logits_cache_hits_total{worker="w:1"} 3.0' in text


def test_figures_of_workers_and_of_this_process(owner: User, owner_client: Client) -> None:
    """Steps and waits come with the heartbeats; errors are also those of the web process."""
    User.objects.filter(pk=owner.pk).update(is_staff=True)
    _worker()
    told = [
        {
            "name": "unmask_step_seconds",
            "help": "steps",
            "type": "summary",
            "samples": [
                ["unmask_step_seconds_count", {}, 12.0],
                ["unmask_step_seconds_sum", {}, 0.6],
            ],
        }
    ]
    WorkerBeat.objects.update(metrics={**METRICS, "figures": told})
    name = f'unmask_errors_total{{error_type="not_found",process="{process_name()}"}}'
    before = _value(owner_client, name)
    assert owner_client.get("/nowhere", headers={"Accept": "application/json"}).status_code == 404
    assert _value(owner_client, name) == before + 1
    assert _value(owner_client, 'unmask_step_seconds_count{process="w:1"}') == 12
    assert _value(owner_client, 'unmask_step_seconds_sum{process="w:1"}') == 0.6


def _value(client: Client, name: str) -> float:
    lines = client.get("/metrics").content.decode().splitlines()
    return sum(float(line.split()[-1]) for line in lines if line.startswith(name))
