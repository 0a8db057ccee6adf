"""`config`, `cache/stats`, `metrics`, `admin/health`."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from inference.catalog import RECIPES
from inference.models import WorkerBeat
from visualizer.selectors.durations import quantile

pytestmark = pytest.mark.usefixtures("worker")
FIGURES = {"logits_cache": {"hits": 3, "misses": 1, "bytes": 10, "budget": 100}}


@pytest.fixture
def beat() -> WorkerBeat:
    rows = WorkerBeat.objects
    return rows.create(
        name="w:1", device="cpu", loaded=["stories"], metrics=FIGURES, seen=timezone.now()
    )


def test_config_tells_what_can_be_asked_for(ask: Any, beat: WorkerBeat) -> None:
    told = ask.get("config").json()
    assert (told["enabled"], told["default_model"], told["devices"]) == (True, "stories", ["cpu"])
    assert [recipe["name"] for recipe in told["recipes"]] == list(RECIPES)
    assert told["limits"]["gen_length"]["high"] == 1024


def test_cache_figures_are_those_of_living_workers(ask: Any, beat: WorkerBeat) -> None:
    told = ask.get("cache/stats").json()
    assert (told["hits"], told["hit_rate"], told["budget"]) == (3, 0.75, 100)
    WorkerBeat.objects.update(seen=timezone.now() - timedelta(minutes=5))
    told = ask.get("cache/stats").json()
    assert (told["workers"], told["hit_rate"]) == ([], None)


def test_figures_are_one_s_own(ask: Any, ask_as: Any, stranger: User) -> None:
    for _ in range(2):
        ask.post("generate", model="stories", prompt="Once", max_new_tokens=2)
    ask.post("generate", model="stories", prompt="Once", max_new_tokens=1000)
    told = ask.get("metrics").json()
    assert told["generations"] == {"done": 2, "failed": 1}
    (row,) = told["durations"]
    assert (row["model"], row["count"]) == ("stories", 2)
    assert 0 < row["p50"] <= row["p95"]
    assert ask_as(stranger).get("metrics").json()["generations"] == {}


def test_quantiles_are_nearest_ranks() -> None:
    assert [quantile([1.0, 2.0, 3.0, 4.0], share) for share in (0.5, 0.75, 0.95)] == [2.0, 3.0, 4.0]
    assert quantile([7.0], 0.5) == 7.0


def test_health_is_for_staff_and_tells_the_truth(ask: Any, owner: User, beat: WorkerBeat) -> None:
    assert ask.get("admin/health").status_code == 401
    User.objects.filter(pk=owner.pk).update(is_staff=True)
    told = ask.get("admin/health").json()
    assert told["parts"]["database"] == told["parts"]["disk"] == "ok"
    assert told["workers"][0]["loaded"] == ["stories"]
    WorkerBeat.objects.all().delete()
    told = ask.get("admin/health").json()
    assert (told["status"], told["parts"]["worker"]) == ("unhealthy", "no worker is alive")
