"""A training in a worker: its curve, its moments, its checkpoints, and what may come between."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
from celery.worker import state
from django.conf import settings
from django.contrib.auth.models import User

from core.jobs import leases, reaper
from inference.events import backlog
from inference.model_locations import directory
from inference.models import ModelEntry
from playground.training.models import DayUse, Training
from playground.training.worker import trainings
from tests.playground.training.conftest import Tell
from tests.playground.training.working import in_process, work_off

pytestmark = pytest.mark.django_db
Begin = Callable[..., Training]


def curve(training: Training) -> list[tuple[int, int, float, float]]:
    return list(training.points.values_list("first", "step", "loss", "held_out"))


def whole_curve(training: Training) -> list[tuple[int, int, float, float]]:
    """The curve, after a look that every step stands on it once."""
    training.refresh_from_db()
    points = curve(training)
    assert points[0][0] == 1
    assert all(before[1] + 1 == after[0] for before, after in pairwise(points))
    assert points[-1][1] == training.step
    return points


@pytest.mark.parametrize("kind", ["characters", "byte_pairs", "diffusion"])
def test_a_training_ends_with_a_model(begin: Begin, kind: str, owner: User) -> None:
    training = begin(kind=kind)
    work_off()
    training.refresh_from_db()
    assert (training.status, training.step) == ("done", 12)
    assert whole_curve(training)[-1][1] == 12
    assert [row.step for row in training.moments.all()] == list(range(13))
    assert all(row.sample for row in training.moments.all())
    model = ModelEntry.every.get(pk=training.model_id)
    wanted = "diffusion" if kind == "diffusion" else "autoregressive"
    assert (model.owner, model.kind, model.context) == (owner, wanted, 16)
    assert model.card["training"]["steps"] == 12
    assert {"model.safetensors", "config.json", "unmask.json", "README.md"} <= {
        path.name for path in directory(model).iterdir()
    }
    assert training.parameters == model.parameters > 0


def test_losses_fall(begin: Begin) -> None:
    training = begin(steps=60)
    work_off()
    first, *_, last = whole_curve(training)
    assert last[2] < first[2] - 0.3
    assert last[3] < first[3] - 0.3


def test_a_worker_that_dies_loses_no_step_and_doubles_none(
    begin: Begin, monkeypatch: pytest.MonkeyPatch, sent: list[Any]
) -> None:
    monkeypatch.setattr("inference.engine.training.texts.moments.SPAN", 1)  # a point is a step
    quiet = begin(steps=30, seed=4)
    work_off()
    monkeypatch.setattr("inference.engine.training.texts.session.CHECKPOINT_SECONDS", 0.0)
    reads = [0]

    def die() -> None:
        reads[0] += 1
        if reads[0] in (4, 9, 15):
            raise KeyboardInterrupt("the worker is killed")

    monkeypatch.setattr(trainings, "started", in_process(each=5, meanwhile=die))
    monkeypatch.setattr(trainings, "work_guarded", _unguarded)
    shaken = begin(steps=30, seed=4)
    deaths = 0
    while Training.objects.get(pk=shaken.pk).status in Training.ACTIVE:
        try:
            trainings.work(str(shaken.pk))
        except KeyboardInterrupt:
            deaths += 1
            leases.void_all()
            assert reaper.reap() >= 1
    shaken.refresh_from_db()
    assert deaths == 3
    assert steps_of(whole_curve(shaken)) == steps_of(whole_curve(quiet))
    assert [row.step for row in shaken.moments.all()] == [row.step for row in quiet.moments.all()]


def _unguarded(what: str, *, begin: Any, work: Any, fail: Any) -> None:
    """A worker that dies writes nothing, not even that it failed."""
    begin()
    work()


def steps_of(points: list[tuple[int, int, float, float]]) -> list[tuple[int, float]]:
    """The last step of every point that both curves have, with what is held out."""
    return [(step, round(held_out, 6)) for _, step, _, held_out in points]


def test_whoever_was_overtaken_writes_nothing(
    begin: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    training = begin(steps=20)
    taken: list[Any] = []

    def overtake() -> None:
        if not taken and training.points.exists():
            leases.void_all()
            taken.append(leases.take(Training, training.pk))

    monkeypatch.setattr(trainings, "started", in_process(meanwhile=overtake))
    trainings.work(str(training.pk))
    count = training.points.count()
    assert taken
    assert count < 20
    leases.release(taken[0])
    work_off()
    training.refresh_from_db()
    assert training.status == "done"
    whole_curve(training)


def test_pause_resume_stop_and_longer(
    begin: Begin, tell: Tell, owner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    training = begin(steps=40)
    named = {"training_id": str(training.pk)}

    def pause() -> None:
        row = Training.objects.get(pk=training.pk)
        if row.points.exists() and not row.paused:
            assert tell(owner, type="pause", **named)["status"]["state"] == "paused"

    monkeypatch.setattr(trainings, "started", in_process(meanwhile=pause))
    work_off()
    training.refresh_from_db()
    assert (training.state, 0 < training.step < 40) == ("paused", True)
    whole_curve(training)
    monkeypatch.setattr(trainings, "started", in_process())
    assert tell(owner, type="resume", **named)["status"]["state"] == "queued"
    work_off()
    training.refresh_from_db()
    assert (training.state, training.step) == ("done", 40)
    assert tell(owner, type="extend", steps=10, **named)["status"]["steps"] == 50
    work_off()
    training.refresh_from_db()
    assert (training.state, training.step, training.stretches) == ("done", 50, [[0, 40], [40, 50]])
    whole_curve(training)
    assert training.moments.order_by("-step").first().step == 50


def test_a_worker_that_is_to_end_leaves_a_training_to_the_next_one(
    begin: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Celery says so by the exit code, which is 0 for an end in order."""
    training = begin(steps=60)

    def end() -> None:
        if training.points.exists():
            monkeypatch.setattr(state, "should_stop", 0)

    monkeypatch.setattr(trainings, "started", in_process(meanwhile=end))
    trainings.work(str(training.pk))
    training.refresh_from_db()
    assert (training.status, 0 < training.step < 60) == ("queued", True)
    assert whole_curve(training)[-1][1] == training.step
    monkeypatch.setattr(state, "should_stop", None)
    monkeypatch.setattr(trainings, "started", in_process())
    work_off()
    assert whole_curve(training)[-1][1] == 60


def test_stop_keeps_what_was_learned(
    begin: Begin, tell: Tell, owner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    training = begin(steps=200)
    named = {"training_id": str(training.pk)}

    def stop() -> None:
        row = Training.objects.get(pk=training.pk)
        if row.points.count() > 3 and not row.cancel_requested:
            tell(owner, type="stop", **named)

    monkeypatch.setattr(trainings, "started", in_process(meanwhile=stop))
    work_off()
    training.refresh_from_db()
    assert training.state == "stopped"
    assert 0 < training.step < 200
    assert training.moments.order_by("-step").first().step == training.step
    assert training.model.card["training"]["steps"] == training.step
    monkeypatch.setattr(trainings, "started", in_process())
    reply = tell(owner, type="extend", steps=10, **named)
    assert reply["status"]["steps"] == training.step + 10
    work_off()
    training.refresh_from_db()
    whole_curve(training)


def test_a_text_that_is_too_short_ends_it_with_words(
    begin: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    training = begin(kind="byte_pairs", sizes={"context": 256, "batch_size": 4, "vocabulary": 2048})
    work_off()
    training.refresh_from_db()
    assert training.status == "failed"
    assert "window of 256" in training.error["message"]


def test_the_day_s_minutes_end(begin: Begin, settings: Any, owner: User) -> None:
    training = begin(steps=200)
    settings.TRAINING_SECONDS = 0.000001
    work_off()
    training.refresh_from_db()
    assert training.state == "paused"
    assert "used up" in training.note
    assert 0 < training.step < 200
    used = DayUse.objects.get(owner=owner)
    assert used.seconds == pytest.approx(training.points.last().seconds, abs=0.01)


def test_files_that_no_row_names_are_removed(
    begin: Begin, monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Any
) -> None:
    monkeypatch.setattr("inference.engine.training.texts.session.CHECKPOINT_SECONDS", 0.0)
    training = begin(steps=20)
    with django_capture_on_commit_callbacks(execute=True):
        work_off()
    training.refresh_from_db()
    root = settings.TRAINING_DIR / str(training.pk)
    checkpoints = [path.name for path in root.glob("holder-*/checkpoint-*")]
    assert checkpoints == ["checkpoint-20"]
    assert training.checkpoint.endswith("checkpoint-20")
    assert training.size > 0


def test_its_stream_tells_everything_once(begin: Begin) -> None:
    training = begin()
    work_off()
    events = backlog(training.stream_id, 0).events
    assert [event.number for event in events] == list(range(1, len(events) + 1))
    points = [p for e in events if e.type == "points" for p in e.payload["points"]]
    assert [point["step"] for point in points] == [step for _, step, *_ in curve(training)]
    moments = [e.payload["moment"]["step"] for e in events if e.type == "moment"]
    assert moments == list(range(13))
    assert events[-1].payload["status"]["state"] == "done"


def test_no_room_for_two_at_once(begin: Begin, settings: Any) -> None:
    settings.TRAININGS_PER_WORKER = 0
    training = begin()
    trainings.work(str(training.pk))
    training.refresh_from_db()
    assert training.status == "queued"


def test_who_has_waited_longest_comes_first(begin: Begin) -> None:
    first, second = begin(), begin()
    trainings.work(str(second.pk))
    first.refresh_from_db()
    second.refresh_from_db()
    assert (first.status, second.status) == ("done", "queued")
