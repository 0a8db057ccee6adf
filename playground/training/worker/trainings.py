"""A training in a worker: what its child tells is written under the lease, batch by batch.

Points are written before the checkpoint that holds their steps, and whoever goes on from a
checkpoint forgets those beyond it first: no step is missing from the curve, and none stands twice.
"""

from __future__ import annotations

import logging
import shutil
import time
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction

from core.jobs.leases import Lease, expired, fenced
from core.jobs.renewals import renewed
from core.worker.executor import advance
from core.worker.slices import is_stopping, work_guarded
from inference.engine.training.export import SIDECAR
from inference.errors import UnmaskError
from inference.events import gathered
from inference.model_folders import read_object
from inference.runtime.error_mapping import engine_errors
from playground.training.models import Training
from playground.training.services import progress
from playground.training.worker.child import STOP_SECONDS, Source, started
from playground.training.worker.orders import order_for
from playground.training.worker.slots import slot

log = logging.getLogger(__name__)
Status = Training.Status
LOOK_SECONDS = 0.5
"""Between two looks at what the child has told and at what the owner wants."""
FAIR_SECONDS = 60.0
"""After this long a training makes room for others that wait."""
LONGEST_SECONDS = 600.0
"""A slice ends after this long at the latest; the lease is renewed for longer."""
Told = dict[str, Any]


def work(training_id: str) -> None:
    """Work the training that has waited longest, if this worker has room for one.

    That may be another than the one that was sent: its own turn comes.
    """
    with slot() as free:
        if free:
            oldest = Training.with_work().filter(expired()).values_list("pk", flat=True).first()
            advance(Training, oldest or training_id, work_slice)


def work_slice(lease: Lease) -> None:
    """Train until there is a reason to end, and write what comes of it."""
    training = Training.objects.select_related("model", "stream").get(pk=lease.row)
    if training.status not in Training.ACTIVE or training.paused:
        return
    work_guarded(
        "training",
        begin=lambda: _begin(lease, training),
        work=lambda: _work(lease, training),
        fail=lambda shape: _end(lease, training, Status.FAILED, shape),
    )


def _begin(lease: Lease, training: Training) -> int:
    with fenced(lease), gathered():
        return progress.begin(training=training)


def _work(lease: Lease, training: Training) -> None:
    if training.cancel_requested:
        _end(lease, training, Status.CANCELLED)
        return
    with renewed(lease), engine_errors():
        order = order_for(training, lease)
        with started(order) as source:
            Slice(lease, training, source, order.folder).run()


class Slice:
    """One stay of a training in this worker."""

    def __init__(self, lease: Lease, training: Training, source: Source, folder: Path) -> None:
        self.lease, self.training, self.source, self.folder = lease, training, source, folder
        self.began = time.monotonic()
        self.asked: float | None = None
        self.charged: float | None = None
        self.left = 1.0

    def run(self) -> None:
        """To the line that ends it."""
        while True:
            told = self.source.read(LOOK_SECONDS)
            self._write([one for one in told if one["type"] != "ended"])
            if told and told[-1]["type"] == "ended":
                self._close(finished=told[-1]["finished"])
                return
            self._look()

    def _write(self, told: list[Told]) -> None:
        if not told:
            return
        with fenced(self.lease), gathered():
            points = [one for one in told if one["type"] == "point"]
            if points:
                progress.add_points(training=self.training, points=points)
                self._charge(points[-1]["seconds"])
            for one in told:
                if one["type"] in _WRITERS:
                    _WRITERS[one["type"]](self, one)

    def _charge(self, seconds: float) -> None:
        """Seconds of this stay alone: those before it were charged when they were trained."""
        before = self.charged if self.charged is not None else self._before()
        self.left = progress.count_seconds(training=self.training, seconds=seconds - before)
        self.charged = seconds

    def _before(self) -> float:
        points = self.training.points.filter(step__lte=self.training.step).order_by("-step")
        return points.values_list("seconds", flat=True).first() or 0.0

    def _ready(self, told: Told) -> None:
        progress.set_parameters(training=self.training, parameters=told["parameters"])

    def _moment(self, told: Told) -> None:
        path = self.folder / told["folder"]
        folder = path.relative_to(settings.TRAINING_DIR).as_posix()
        card = read_object(path, SIDECAR)
        progress.add_moment(training=self.training, told=told, folder=folder, card=card)

    def _checkpoint(self, told: Told) -> None:
        path = self.folder / told["folder"]
        folder = path.relative_to(settings.TRAINING_DIR).as_posix()
        size = folder_size(settings.TRAINING_DIR / str(self.training.pk))
        step = told["step"]
        progress.set_checkpoint(training=self.training, step=step, folder=folder, size=size)
        transaction.on_commit(lambda: keep_files(self.training, self.folder, step))

    def _error(self, told: Told) -> None:
        raise UnmaskError("validation", told["message"], told["field"])

    def _look(self) -> None:
        """Ask for an end if there is a reason; a child that does not hear is given up."""
        now = time.monotonic()
        if self.asked is not None:
            if now - self.asked > STOP_SECONDS:
                raise UnmaskError("timeout", "The training did not end when it was asked to.")
            return
        if self._reason(now - self.began):
            self.source.end()
            self.asked = now

    def _reason(self, seconds: float) -> bool:
        wishes = Training.objects.values_list("paused", "cancel_requested", "stretches")
        paused, stopped, stretches = wishes.get(pk=self.training.pk)
        if (
            is_stopping()
            or paused
            or stopped
            or stretches != self.training.stretches
            or self.left <= 0
        ):
            return True
        return seconds > LONGEST_SECONDS or (seconds > FAIR_SECONDS and self._others_wait())

    def _others_wait(self) -> bool:
        return Training.with_work().filter(expired()).exclude(pk=self.training.pk).exists()

    def _close(self, finished: bool) -> None:
        """What the row says afterwards: ended, paused, or in line again."""
        row = Training.objects.only("stretches", "cancel_requested", "paused").get(
            pk=self.training.pk
        )
        self.training.stretches, self.training.paused = row.stretches, row.paused
        if row.cancel_requested:
            _end(self.lease, self.training, Status.CANCELLED)
        elif finished and self.training.step >= self.training.steps:
            _end(self.lease, self.training, Status.DONE)
        else:
            with fenced(self.lease), gathered():
                if self.left <= 0:
                    progress.pause_for_quota(training=self.training)
                progress.queue_again(training=self.training)


_WRITERS = {
    "ready": Slice._ready,
    "moment": Slice._moment,
    "checkpoint": Slice._checkpoint,
    "error": Slice._error,
}


def keep_files(training: Training, own: Path, step: int) -> None:
    """Remove what no row names any more, once the checkpoint of a step has been written down.

    In the holder's own folder that is older checkpoints alone: its child is ahead of what has been
    read from it. In those of former holders it is all that they left behind.
    """
    kept = {settings.TRAINING_DIR / one for one in _named(training)}
    gone = [path for path in own.glob("checkpoint-*") if int(path.name.split("-")[1]) < step]
    for folder in own.parent.glob("holder-*"):
        if folder != own:
            gone += [path for path in folder.iterdir() if path not in kept]
    for path in gone:
        shutil.rmtree(path, ignore_errors=True)


def _named(training: Training) -> set[str]:
    return {*training.moments.values_list("folder", flat=True), training.checkpoint}


def folder_size(root: Path) -> int:
    """Bytes of all files below."""
    return sum(path.stat().st_size for path in root.rglob("*") if path.is_file())


def _end(lease: Lease, training: Training, status: str, error: Told | None = None) -> None:
    with fenced(lease), gathered():
        progress.end(training=training, status=status, error=error)
