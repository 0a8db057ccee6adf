"""Downloads by the real client from a small hub: whole, resumed, cancelled, and all that fails."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User

from core.jobs import leases
from core.jobs.leases import LeaseLost
from inference import hub_cache, model_locations, registry
from inference.errors import UnmaskError
from inference.events import events_after
from inference.models import ModelEntry
from library.models import Download
from library.services import downloads
from library.worker import cache_files
from library.worker import downloads as worker
from library.worker import hub as client
from tests.library.conftest import NAME
from tests.library.hub_server import COMMIT, TOKEN, Hub

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("sent")]
Status = Download.Status
WEIGHTS = "model.safetensors"
BIG = 6 * 2**20


def begin(owner: User, **more: Any) -> Download:
    return downloads.start(user=owner, repository=NAME, **more)


def work_off(row: Download, most: int = 30) -> Download:
    for _ in range(most):
        worker.work(str(row.pk))
        row.refresh_from_db()
        if row.status not in Download.ACTIVE:
            return row
    raise AssertionError("the download does not end")


def failed(row: Download, error_type: str, words: str) -> dict[str, Any]:
    work_off(row)
    assert row.status == Status.FAILED
    assert row.error is not None
    assert row.error["error_type"] == error_type
    assert words in row.error["message"]
    assert "127.0.0.1" not in row.error["message"]
    last = events_after(row.stream_id, 0)[-1]
    assert (last.type, last.payload) == ("error", row.error)
    found: dict[str, Any] = row.error
    return found


def test_a_model_is_brought_checked_and_listed(owner: User, hub: Hub, settings: Any) -> None:
    row = work_off(begin(owner))
    assert (row.status, row.commit, row.licence) == (Status.DONE, COMMIT, "mit")
    entry = ModelEntry.objects.get(slug=NAME)
    assert (entry.state, entry.label) == (ModelEntry.State.AVAILABLE, "Tiny 0")
    place = model_locations.directory(entry)
    assert place == settings.HUB_CACHE / "models--lab--tiny" / "snapshots" / COMMIT
    for name, content in hub.repositories[NAME].items():
        if name.endswith((".json", ".txt", ".safetensors")):
            assert (place / name).read_bytes() == content
    assert (place.parents[1] / "refs" / "main").read_text() == COMMIT
    assert not list(place.parents[1].glob("blobs/*.incomplete"))


def test_the_client_of_the_hub_reads_what_was_written(owner: User, hub: Hub) -> None:
    from django.conf import settings
    from huggingface_hub import scan_cache_dir, try_to_load_from_cache

    work_off(begin(owner))
    found = scan_cache_dir(settings.HUB_CACHE)
    assert [repo.repo_id for repo in found.repos] == [NAME]
    assert found.warnings == []
    path = try_to_load_from_cache(NAME, WEIGHTS, cache_dir=settings.HUB_CACHE, revision="main")
    assert isinstance(path, str)


def test_no_code_and_no_pickle_is_fetched(owner: User, hub: Hub) -> None:
    work_off(begin(owner))
    asked = {path.rpartition("/")[2] for _, path, _ in hub.asked}
    assert {"config.json", "tokenizer.json", WEIGHTS} <= asked
    assert not asked & {"modeling_evil.py", "pytorch_model.bin", "README.md"}


def test_progress_is_told_and_comes_to_the_whole(owner: User, hub: Hub, monkeypatch: Any) -> None:
    monkeypatch.setattr(worker, "TELL_SECONDS", 0.0)
    hub.repositories[NAME][WEIGHTS] += bytes(BIG)
    row = work_off(begin(owner))
    told = events_after(row.stream_id, 0)
    assert [event.number for event in told] == list(range(1, len(told) + 1))
    counts = [event.payload["bytes_done"] for event in told]
    assert counts == sorted(counts)
    assert len(set(counts)) > 4
    assert counts[-1] == row.bytes_total == row.bytes_done
    assert row.percent == 100


def test_a_file_goes_on_after_its_last_byte_in_the_next_slice(
    owner: User, hub: Hub, monkeypatch: Any
) -> None:
    monkeypatch.setattr(worker, "TELL_SECONDS", 0.0)
    monkeypatch.setattr(worker, "SLICE_SECONDS", 0.0)
    hub.repositories[NAME][WEIGHTS] += bytes(BIG)
    row = begin(owner)
    lease = leases.take(Download, row.pk)
    assert lease is not None
    hub.pause = 0.02
    for _ in range(60):  # until a slice has begun behind what an earlier one brought
        worker.work_slice(lease, seconds=0.4)
        if any(first_byte(asked) for asked in hub.ranges(WEIGHTS)):
            break
    leases.release(lease)
    hub.pause = 0.0
    row = work_off_slowly(row)
    assert row.status == Status.DONE
    starts = [first_byte(asked) for asked in hub.ranges(WEIGHTS)]
    assert starts == sorted(starts)
    assert max(starts) > 0


def first_byte(asked: str | None) -> int:
    """Of a Range, as the client writes it; 0 without one."""
    return int(asked.removeprefix("bytes=").rstrip("-")) if asked else 0


def work_off_slowly(row: Download) -> Download:
    lease = leases.take(Download, row.pk)
    assert lease is not None
    worker.work_slice(lease, seconds=60)
    leases.release(lease)
    row.refresh_from_db()
    return row


def test_another_worker_goes_on_where_a_dead_one_was(
    owner: User, hub: Hub, monkeypatch: Any
) -> None:
    """The process ends in the middle of a file: nothing is written down after that."""
    hub.repositories[NAME][WEIGHTS] += bytes(BIG)
    monkeypatch.setattr(worker, "TELL_SECONDS", 0.0)
    row = begin(owner)

    def die(self: Any, file: str, done: int) -> None:
        if file == WEIGHTS and done > 2**21:
            raise LeaseLost("killed")

    with monkeypatch.context() as dying:
        dying.setattr(worker._Transfer, "_tell", die)
        worker.work(str(row.pk))
    row.refresh_from_db()
    assert row.status == Status.RUNNING
    assert row in Download.with_work()
    work_off(row)
    assert row.status == Status.DONE
    first, second = map(first_byte, hub.ranges(WEIGHTS))
    assert first == 0
    assert second >= 2**20


def test_who_lost_the_lease_writes_nothing(owner: User, hub: Hub, monkeypatch: Any) -> None:
    hub.repositories[NAME][WEIGHTS] += bytes(BIG)
    monkeypatch.setattr(worker, "TELL_SECONDS", 0.0)
    row = begin(owner)
    lease = leases.take(Download, row.pk)
    assert lease is not None
    Download.objects.filter(pk=row.pk).update(lease_fence=lease.fence + 1)
    with pytest.raises(LeaseLost):
        worker.work_slice(lease)
    row.refresh_from_db()
    assert (row.status, row.bytes_done) == (Status.QUEUED, 0)


@pytest.mark.parametrize("fault", ["cut once", "no ranges"])
def test_a_broken_connection_is_made_good(owner: User, hub: Hub, fault: str) -> None:
    hub.faults[WEIGHTS] = fault
    hub.repositories[NAME][WEIGHTS] += bytes(BIG)
    assert work_off(begin(owner)).status == Status.DONE


def test_a_server_without_ranges_sends_the_file_again(owner: User, hub: Hub, settings: Any) -> None:
    row = begin(owner)
    files = cache_files.CacheFiles(settings.HUB_CACHE, NAME, COMMIT)
    wanted = weights_file()
    files.partial(wanted).write_bytes(b"\0" * 100)
    hub.faults[WEIGHTS] = "no ranges"
    assert work_off(row).status == Status.DONE


def weights_file() -> downloads.RemoteFile:
    """As the hub names them."""
    files = client.plan(NAME, "main").files
    return next(file for file in files if file.name == WEIGHTS)


def test_a_partial_file_that_is_too_long_is_thrown_away(
    owner: User, hub: Hub, settings: Any
) -> None:
    files = cache_files.CacheFiles(settings.HUB_CACHE, NAME, COMMIT)
    wanted = weights_file()
    files.partial(wanted).write_bytes(bytes(wanted.size + 5))
    assert work_off(begin(owner)).status == Status.DONE


def test_what_lies_in_the_cache_is_not_fetched_again(owner: User, hub: Hub, settings: Any) -> None:
    files = cache_files.CacheFiles(settings.HUB_CACHE, NAME, COMMIT)
    wanted = weights_file()
    files.blob(wanted).write_bytes(hub.repositories[NAME][WEIGHTS])
    assert work_off(begin(owner)).status == Status.DONE
    assert hub.ranges(WEIGHTS) == []


@pytest.mark.parametrize("fault", ["wrong hash", "other bytes"])
@pytest.mark.parametrize("file", ["config.json", WEIGHTS])
def test_what_does_not_match_its_checksum_is_thrown_away(
    owner: User, hub: Hub, settings: Any, fault: str, file: str
) -> None:
    hub.faults[file] = fault
    failed(begin(owner), "network", "checksum")
    assert list(settings.HUB_CACHE.rglob("*.incomplete")) == []
    assert not list(settings.HUB_CACHE.rglob(file))
    assert not ModelEntry.objects.filter(slug=NAME).exists()


def test_a_file_that_stays_short_is_a_failure_that_can_be_tried_again(
    owner: User, hub: Hub
) -> None:
    hub.faults[WEIGHTS] = "short"
    assert failed(begin(owner), "network", "Try again")["retryable"]
    hub.faults.clear()
    assert work_off(begin(owner)).status == Status.DONE
    assert hub.ranges(WEIGHTS)[-1] is not None


REFUSED = {
    "unknown": ("nobody/nothing", "main", "not_found", "check the name"),
    "no such revision": (NAME, "v9", "not_found", "revision"),
    "gated": ("lab/gated", "main", "auth", "HF_TOKEN"),
    "pickle only": ("lab/pickle", "main", "validation", "safetensors"),
    "no config": ("lab/bare", "main", "validation", "config.json"),
    "another family": ("lab/vision", "main", "validation", "resnet"),
    "no checksum": ("lab/vague", "main", "network", "checksum"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_used_is_refused_before_its_weights_are_fetched(
    owner: User, hub: Hub, case: str
) -> None:
    name, revision, error_type, words = REFUSED[case]
    good = hub.repositories[NAME]
    hub.repositories |= {
        "lab/gated": good,
        "lab/pickle": {"config.json": good["config.json"], "pytorch_model.bin": b"x"},
        "lab/bare": {WEIGHTS: good[WEIGHTS]},
        "lab/vision": {**good, "config.json": b'{"model_type": "resnet"}'},
        "lab/vague": {**good, "vague.safetensors": b"x"},
    }
    hub.gated.add("lab/gated")
    hub.faults["vague.safetensors"] = "no hash"
    row = downloads.start(user=owner, repository=name, revision=revision)
    failed(row, error_type, words)
    assert hub.ranges(WEIGHTS) == []


def test_a_token_opens_what_is_gated_and_goes_nowhere_else(
    owner: User, hub: Hub, settings: Any
) -> None:
    hub.gated.add(NAME)
    settings.HUB_TOKEN = TOKEN
    assert work_off(begin(owner)).status == Status.DONE
    assert TOKEN not in str(Download.objects.values().get())
    assert set(hub.tokens) == {f"Bearer {TOKEN}"}


@pytest.mark.parametrize(
    ("status", "error_type"), [(401, "auth"), (429, "rate_limit"), (503, "network")]
)
def test_a_hub_that_refuses_is_told_of(owner: User, hub: Hub, status: int, error_type: str) -> None:
    hub.status = status
    failed(begin(owner), error_type, "")


def test_a_hub_that_is_not_there_is_told_of(owner: User, hub: Hub, settings: Any) -> None:
    settings.HUB_ENDPOINT = "http://127.0.0.1:9"
    failed(begin(owner), "network", "Try again")


def test_offline_is_said_plainly(owner: User, hub: Hub, settings: Any) -> None:
    settings.HUB_OFFLINE = True
    with pytest.raises(UnmaskError, match="HF_HUB_OFFLINE"):
        begin(owner)
    assert hub.asked == []


def test_a_disk_without_room_is_told_of_before(owner: User, hub: Hub, monkeypatch: Any) -> None:
    monkeypatch.setattr(cache_files, "LEAST_FREE", 2**62)
    failed(begin(owner), "conflict", "no room")
    assert hub.ranges(WEIGHTS) == []


def test_a_disk_that_fills_meanwhile_ends_it(owner: User, hub: Hub, monkeypatch: Any) -> None:
    monkeypatch.setattr(worker, "TELL_SECONDS", 0.0)
    hub.repositories[NAME][WEIGHTS] += bytes(BIG)
    begun = cache_files.CacheFiles.check_room

    def fills(self: cache_files.CacheFiles, needed: int) -> None:
        if needed == 0 and list(self.folder.glob("blobs/*.incomplete")):
            monkeypatch.setattr(cache_files, "LEAST_FREE", 2**62)
        begun(self, needed)

    monkeypatch.setattr(cache_files.CacheFiles, "check_room", fills)
    failed(begin(owner), "conflict", "no room")


def test_cancelling_keeps_what_came(owner: User, hub: Hub, monkeypatch: Any) -> None:
    monkeypatch.setattr(worker, "TELL_SECONDS", 0.0)
    hub.repositories[NAME][WEIGHTS] += bytes(BIG)
    row = begin(owner)
    tell = worker._Transfer._tell

    def cancels(self: Any, file: str, done: int) -> None:
        tell(self, file, done)
        if file == WEIGHTS and done > 2**21:
            downloads.cancel(user=owner, id=row.pk)

    monkeypatch.setattr(worker._Transfer, "_tell", cancels)
    assert work_off(row).status == Status.CANCELLED
    last = events_after(row.stream_id, 0)[-1]
    assert (last.type, last.payload["status"]) == ("done", "cancelled")
    monkeypatch.setattr(worker._Transfer, "_tell", tell)
    assert work_off(begin(owner)).status == Status.DONE
    assert hub.ranges(WEIGHTS)[-1] is not None


def test_one_is_worked_at_a_time_and_the_others_wait(owner: User, hub: Hub) -> None:
    hub.repositories["lab/second"] = hub.repositories[NAME]
    first, second = begin(owner), downloads.start(user=owner, repository="lab/second")
    assert list(Download.with_work()) == [first]
    downloads.cancel(user=owner, id=second.pk)
    second.refresh_from_db()
    assert second.status == Status.CANCELLED
    worker.work(str(second.pk))
    second.refresh_from_db()
    assert second.status == Status.CANCELLED
    with pytest.raises(UnmaskError, match="over already"):
        downloads.cancel(user=owner, id=second.pk)


def test_the_same_repository_is_on_its_way_once(owner: User, hub: Hub) -> None:
    begin(owner)
    with pytest.raises(UnmaskError, match="on its way"):
        begin(owner)
    assert Download.objects.count() == 1


def test_a_whole_revision_hides_a_newer_one_that_is_not(
    owner: User, hub: Hub, settings: Any
) -> None:
    work_off(begin(owner))
    place = settings.HUB_CACHE / "models--lab--tiny" / "snapshots"
    newer = place / ("f" * 40)
    newer.mkdir()
    (newer / "config.json").write_bytes(hub.repositories[NAME]["config.json"])
    os.utime(newer, (2**31, 2**31))
    assert hub_cache.snapshot_of(settings.HUB_CACHE, NAME) == place / COMMIT


BROKEN: dict[str, Any] = {
    "a shard": lambda place: (place / WEIGHTS).unlink(),
    "a blob": lambda place: (place / WEIGHTS).resolve().unlink(),
    "the config": lambda place: (place / "config.json").unlink(),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_cache_that_lost_a_file_is_named_with_what_to_do(
    owner: User, hub: Hub, settings: Any, case: str
) -> None:
    row = work_off(begin(owner))
    BROKEN[case](Path(settings.HUB_CACHE / "models--lab--tiny" / "snapshots" / row.commit))
    [left] = hub_cache.left_out(settings.HUB_CACHE)
    assert left.name == NAME
    assert "download it again" in left.reason
    registry.sync_models()
    assert ModelEntry.objects.get(slug=NAME).state == ModelEntry.State.ABSENT
    assert work_off(begin(owner)).status == Status.DONE
    assert ModelEntry.objects.get(slug=NAME).state == ModelEntry.State.AVAILABLE


def test_a_downloaded_model_is_loaded(owner: User, hub: Hub) -> None:
    from inference import runtime

    work_off(begin(owner))
    model = runtime.load(ModelEntry.objects.get(slug=NAME))
    assert model.spec.family == "llada"
    runtime.unload(NAME)
