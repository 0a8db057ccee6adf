"""The page of durations: by model and route, one's own, with a plot that has axes."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from visualizer.models import StreamTiming
from visualizer.selectors.durations import durations
from visualizer.views.durations import nice, plot

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


def took(user: User, seconds: float, **more: Any) -> StreamTiming:
    row = {"route": "generate", "model": "stories", "outcome": "complete", "frames": 0, **more}
    return StreamTiming.objects.create(user=user, seconds=seconds, correlation_id="c", **row)


def test_rows_are_by_model_and_route(owner: User, stranger: User) -> None:
    for n in range(1, 21):
        took(owner, float(n), first=n / 10, route="generate/stream")
    took(owner, 1.0, model="infill", outcome="error")
    took(stranger, 99.0)
    found = durations(owner, DAY)
    assert [(one.model, one.route) for one in found] == [
        ("infill", "generate"), ("stories", "generate/stream"),
    ]  # fmt: skip
    assert (found[1].p50, found[1].p95, found[1].first) == (10.0, 19.0, 1.0)
    assert (found[0].outcomes, found[0].first) == ({"error": 1}, None)
    assert sum(len(one.seconds) for one in durations(None, DAY)) == 22


def test_older_ones_do_not_count(owner: User) -> None:
    row = took(owner, 1.0)
    StreamTiming.objects.filter(pk=row.pk).update(created=timezone.now() - 2 * DAY)
    assert durations(owner, DAY) == []
    assert len(durations(owner, 3 * DAY)) == 1


@pytest.mark.parametrize(
    ("value", "next_one"), [(0, 1), (0.03, 0.05), (0.2, 0.2), (0.21, 0.5), (6, 10), (100, 100)]
)
def test_ticks_are_round_numbers(value: float, next_one: float) -> None:
    assert nice(value) == pytest.approx(next_one)


def test_the_plot_has_axes_that_hold_every_row(owner: User) -> None:
    took(owner, 0.4)
    took(owner, 3.7, model="infill")
    drawn = plot(durations(owner, DAY))
    assert [tick.label for tick in drawn["across"]] == ["0", "1", "2", "3", "4"]
    assert [tick.label for tick in drawn["up"]] == ["1", "2"]
    right = float(drawn["across"][-1].at)
    assert right == drawn["right"]
    for row in drawn["rows"]:
        assert drawn["left"] <= float(row.p50) <= float(row.p95) <= right
    assert "infill, generate: p50 3.7 s" in drawn["rows"][0].words


def test_the_page_is_one_s_own_and_staff_may_see_all(
    owner: User, owner_client: Client, stranger: User
) -> None:
    assert "Nothing was asked for" in owner_client.get("/durations/").content.decode()
    took(owner, 0.4)
    took(stranger, 7.0, model="theirs")
    for query in ("", "?whose=all", "?period=century"):
        page = owner_client.get(f"/durations/{query}").content.decode()
        assert "0.400" in page
        assert "theirs" not in page
    User.objects.filter(pk=owner.pk).update(is_staff=True)
    page = owner_client.get("/durations/?whose=all&period=hour").content.decode()
    assert "theirs" in page
    assert 'class="axis"' in page
