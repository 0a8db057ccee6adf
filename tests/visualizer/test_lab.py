"""The Lab: recipes and step counts measured on a task, in slices that survive their workers."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db.models.functions import Now
from pyarrow import parquet

from accounts.ownership import merge
from core.jobs import leases, reaper
from core.jobs.leases import LeaseLost
from inference import runtime as real_runtime
from inference.engine import checkpoint
from inference.engine.forward import forward_many
from inference.engine.training import evaluation
from inference.engine.training.tasks import TASKS
from inference.errors import UnmaskError
from inference.events import events_after
from inference.model_locations import SHIPPED_DIR
from inference.models import ModelEntry
from visualizer.models import LabJob
from visualizer.records.lab_files import lab_parquet
from visualizer.records.tables import MARK, lab_csv
from visualizer.selectors.lab import lab_job, lab_jobs, lab_models, lab_payload
from visualizer.worker import lab

pytestmark = pytest.mark.django_db
ORDER: dict[str, Any] = {
    "model": "addition",
    "recipes": ["llada/low_confidence", "llada/random"],
    "steps": [3, 9],
    "count": 4,
    "seed": 5,
}
Start = Callable[..., LabJob]


@pytest.fixture(scope="module")
def adder() -> Any:
    return checkpoint.load(SHIPPED_DIR / "addition")


@pytest.fixture
def addition(entry: ModelEntry, adder: Any, monkeypatch: pytest.MonkeyPatch) -> ModelEntry:
    """The shipped model of sums, loaded."""
    monkeypatch.setattr(real_runtime, "load", lambda entry, **_: adder)
    monkeypatch.setattr(real_runtime, "forward", forward_many)
    return ModelEntry.objects.update_or_create(
        slug="addition", defaults={"label": "Sums", "card": {"task": "addition"}}
    )[0]


@pytest.fixture
def begun(play: Any, owner: User, addition: ModelEntry) -> Start:
    def begin(user: User = owner, **fields: Any) -> LabJob:
        reply = play(user, type="lab_start", **{**ORDER, **fields})
        assert reply["type"] == "lab_job", reply
        return LabJob.objects.get(pk=reply["job"]["id"])

    return begin


def work_off(job: LabJob, seconds: float = 60.0) -> int:
    """Slices until the job is over; how many it took."""
    for count in range(1, 100):
        lab.work(job.pk, seconds)
        job.refresh_from_db()
        if job.status not in LabJob.ACTIVE:
            return count
    raise AssertionError("the job does not end")


def without_time(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{k: v for k, v in row.items() if k != "milliseconds"} for row in rows]


def test_the_rows_are_those_of_the_evaluation(begun: Start, adder: Any) -> None:
    job = begun()
    assert work_off(job) == 1
    assert (job.status, job.error) == ("done", None)
    report = evaluation.evaluate(adder, TASKS["addition"], lab.grid(job), count=4, seed=5)
    told = [{k: v for k, v in row.items() if k != "each"} for row in without_time(job.results)]
    assert told == [
        {
            "recipe": row.settings.recipe,
            "block_length": 0,
            "steps": row.settings.steps,
            "passes": row.passes,
            "tokens_per_pass": row.tokens_per_forward,
            "marks": row.marks,
            "intervals": {},
        }
        for row in report.rows
    ]
    assert [row["passes"] for row in job.results] == [3.0, 9.0, 3.0, 9.0]
    assert all(row["milliseconds"] > 0 for row in job.results)
    for row in job.results:
        assert sum(row["each"]) / job.count == pytest.approx(row["marks"]["exact"])
    cases = TASKS["addition"].cases(evaluation.native_tokenizer(adder), 4, 5)
    assert [adder.tokenizer.encode(case["prompt"]) for case in job.cases] == [
        case.prompt_ids for case in cases
    ]


def test_recipes_are_measured_with_their_own_parameters(begun: Start) -> None:
    """A threshold that everything reaches writes all at once, one that nothing does one by one."""
    name = "fastdllm/threshold"
    fast, slow = (
        begun(recipes=[name], steps=[0], parameters={name: {"threshold": value}})
        for value in (0.0, 1.0)
    )
    for job in (fast, slow):
        work_off(job)
    assert fast.results[0]["passes"] == 1.0
    assert slow.results[0]["passes"] > 4.0
    assert lab_payload(fast)["parameters"] == {name: {"threshold": 0.0}}
    [row] = csv.DictReader(io.StringIO("".join(lab_csv(fast)).removeprefix(MARK)))
    assert json.loads(row["parameters"]) == {"threshold": 0.0}


def test_every_recipe_is_measured_over_blocks_steps_and_seeds(begun: Start, adder: Any) -> None:
    """A row holds the cases of all seeds; a recipe that knows no blocks is measured without."""
    asked = ["llada/low_confidence", "p2"]
    job = begun(recipes=asked, steps=[2], block_lengths=[0, 3], seeds=2, count=3)
    assert job.total == 3 * 2 * 3
    assert work_off(job) == 1
    ways = [(row["recipe"], row["block_length"]) for row in job.results]
    assert ways == [(asked[0], 0), (asked[0], 3), (asked[1], 0)]
    assert job.made == job.total
    whole, blocks = job.results[:2]
    assert whole["passes"] < blocks["passes"]
    for seed in (5, 6):
        report = evaluation.evaluate(
            adder, TASKS["addition"], [replace(lab.grid(job)[1], seed=seed)], count=3, seed=seed
        )
        own = blocks["each"][3 * (seed - 5) :][:3]
        assert sum(own) / 3 == pytest.approx(report.rows[0].marks["exact"], abs=1e-3)
    for row in job.results:
        low, high = row["intervals"]["exact"]
        assert 0 <= low <= row["marks"]["exact"] <= high <= 1
    assert len(job.cases) == 6
    lines = parquet.read_table(io.BytesIO(lab_parquet(job))).to_pylist()
    assert [(line["seed"], line["case"], line["block_length"]) for line in lines[5:8]] == [
        (6, 2, None), (5, 0, 3), (5, 1, 3),
    ]  # fmt: skip
    rows = list(csv.DictReader(io.StringIO("".join(lab_csv(job)).removeprefix(MARK))))
    assert [(row["block_length"], row["seeds"]) for row in rows] == [
        ("", "2"), ("3", "2"), ("", "2"),
    ]  # fmt: skip
    assert float(rows[1]["low"]) == blocks["intervals"]["exact"][0]


def test_slices_of_several_seeds_measure_the_same(begun: Start) -> None:
    """The same cases with the same dice, wherever a slice ended."""
    order = {"recipes": ["llada/random"], "steps": [2], "seeds": 2, "count": 2}
    whole, sliced = begun(**order), begun(**order)
    work_off(whole)
    work_off(sliced, 0.0)
    assert without_time(sliced.results) == without_time(whole.results)


def test_a_grid_has_a_limit(play: Any, owner: User, addition: ModelEntry) -> None:
    large = {"steps": list(range(8)), "block_lengths": list(range(8)), "seeds": 8, "count": 200}
    reply = play(owner, type="lab_start", **{**ORDER, **large})
    assert (reply["error_type"], reply["field"]) == ("validation", "count")
    assert not LabJob.objects.exists()


def test_a_job_is_sent_to_the_workers_until_it_is_done(
    begun: Start, sent: list[Any], django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        job = begun()
    assert sent == [(LabJob.TASK, str(job.pk))]
    lab.work(job.pk, 0.0)
    assert sent == [(LabJob.TASK, str(job.pk))] * 2
    lab.work(job.pk, 60.0)
    assert len(sent) == 2


def test_slices_measure_the_same_and_tell_how_far_they_are(begun: Start) -> None:
    whole, sliced = begun(), begun()
    work_off(whole)
    assert work_off(sliced, 0.0) == 17
    assert without_time(sliced.results) == without_time(whole.results)
    told = [event.payload for event in events_after(sliced.stream_id, 0)]
    assert [row["made"] for row in told] == [0, 0, *range(1, 17), 16]
    assert [row["status"] for row in told] == ["queued", *["running"] * 17, "done"]
    assert told[-1]["share"] == 1.0


def test_a_job_that_was_abandoned_goes_on(
    begun: Start, sent: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, broken = begun(), begun()
    work_off(whole)

    class Dead(LeaseLost):
        """From here on this worker writes nothing any more."""

    original, count = evaluation.judged, iter(range(100))

    def dying(*arguments: Any) -> Any:
        if next(count) == 6:
            raise Dead
        return original(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(lab, "judged", dying)
        patch.setattr(lab, "engine_errors", nullcontext)
        patch.setattr(leases, "release", lambda lease: None)
        lab.work(broken.pk, 60.0)
    broken.refresh_from_db()
    assert len(broken.results) == 1
    lab.work(broken.pk)
    broken.refresh_from_db()
    assert len(broken.results) == 1  # the lease is still held
    assert reaper.abandoned_rows(LabJob) == []
    LabJob.objects.filter(pk=broken.pk).update(lease_expires=Now() - timedelta(seconds=1))
    sent.clear()
    reaper.reap()
    assert sent == [(LabJob.TASK, str(broken.pk))]
    work_off(broken)
    assert without_time(broken.results) == without_time(whole.results)


def test_a_former_holder_writes_nothing(begun: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    job = begun()
    original = evaluation.judged

    def overtaken(*arguments: Any) -> Any:
        LabJob.objects.filter(pk=job.pk).update(lease_fence=99)
        return original(*arguments)

    monkeypatch.setattr(lab, "judged", overtaken)
    lab.work(job.pk, 0.0)
    job.refresh_from_db()
    assert (job.status, job.made) == ("running", 0)


def test_a_cancelled_job_keeps_its_rows(play: Any, owner: User, begun: Start) -> None:
    job = begun()
    for _ in range(5):
        lab.work(job.pk, 0.0)
    reply = play(owner, type="lab_cancel", job=str(job.pk))
    assert reply["job"]["status"] == "running"
    work_off(job, 0.0)
    assert (job.status, len(job.results)) == ("cancelled", 1)
    assert play(owner, type="lab_cancel", job=str(job.pk))["error_type"] == "conflict"
    lab.work(job.pk)
    assert LabJob.objects.get(pk=job.pk).status == "cancelled"


def test_a_failure_is_told_and_holds_no_detail(
    begun: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any, **__: Any) -> Any:
        raise RuntimeError("secret detail")

    job = begun()
    monkeypatch.setattr(real_runtime, "load", broken)
    work_off(job)
    assert job.status == "failed"
    assert job.error is not None
    assert job.error["error_type"] == "generation"
    assert "secret" not in str(job.error)


def test_a_job_that_ends_its_workers_is_given_up(begun: Start) -> None:
    job = begun()
    LabJob.objects.filter(pk=job.pk).update(attempts=3)
    work_off(job)
    assert (job.status, job.made) == ("failed", 0)


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"recipes": ["nobody/knows"]}, "recipes"),
        ({"recipes": ["rank/random"] * 2}, "recipes"),
        ({"steps": []}, "steps"),
        ({"steps": [2, 2]}, "steps"),
        ({"steps": [1025]}, "steps.0"),
        ({"count": 0}, "count"),
        ({"count": 201}, "count"),
        ({"job": "x"}, "job"),
        ({"seed": 2**63}, "seed"),
        ({"block_lengths": []}, "block_lengths"),
        ({"block_lengths": [4, 4]}, "block_lengths"),
        ({"block_lengths": [1025]}, "block_lengths.0"),
        ({"seeds": 0}, "seeds"),
        ({"seeds": 9}, "seeds"),
        ({"parameters": {"klass": {}}}, "parameters"),
        ({"parameters": {"llada/random": {"threshold": 0.5}}}, "parameters"),
        ({"parameters": {"llada/random": {"steps": 4}}}, "parameters"),
        ({"parameters": {"llada/random": {"temperature": 11}}}, "parameters"),
        ({"parameters": {"llada/random": {"temperature": True}}}, "parameters"),
        ({"parameters": {"llada/random": {"eos_last": 1}}}, "parameters"),
        ({"parameters": {"llada/random": {"top_k": 1.5}}}, "parameters"),
    ],
)
def test_orders_keep_to_their_limits(
    play: Any, owner: User, addition: ModelEntry, fields: dict[str, Any], field: str
) -> None:
    with pytest.raises(UnmaskError) as refused:
        play(owner, type="lab_start", **{**ORDER, **fields})
    assert refused.value.field == field
    assert not LabJob.objects.exists()


def test_the_largest_seeds_are_measured_and_written(begun: Start) -> None:
    with pytest.raises(AssertionError, match="count on from it"):
        begun(seed=2**63 - 4, seeds=3, count=3)
    job = begun(seed=2**63 - 5, seeds=3, count=3, steps=[3])
    work_off(job)
    assert job.status == "done"
    table = parquet.read_table(io.BytesIO(lab_parquet(job)))
    assert table["seed"].to_pylist()[-1] == 2**63 - 3
    assert job.seed_of(8) + 8 % job.count <= 2**63 - 1  # of the session that watches a case


def test_models_without_a_task_and_unknown_ones_are_refused(
    play: Any, owner: User, addition: ModelEntry
) -> None:
    for model, error in (("tiny", "validation"), ("nobody", "not_found")):
        assert play(owner, type="lab_start", **{**ORDER, "model": model})["error_type"] == error
    assert "addition" in [entry.slug for entry in lab_models()]
    assert "tiny" not in [entry.slug for entry in lab_models()]


def test_nobody_has_more_than_two_jobs_under_way(
    play: Any, begun: Start, owner: User, friend: User
) -> None:
    begun()
    begun()
    assert play(owner, type="lab_start", **ORDER)["error_type"] == "conflict"
    begun(friend)


def test_jobs_belong_to_their_owner(
    play: Any, begun: Start, owner: User, friend: User, stranger: User
) -> None:
    job = begun()
    unknown = "00000000-0000-0000-0000-000000000000"
    assert play(owner, type="lab_job", job=str(job.pk))["job"] == lab_payload(job)
    assert len(play(owner, type="lab_jobs")["jobs"]) == 1
    for user in (friend, stranger):
        for type in ("lab_job", "lab_cancel"):
            theirs, nobodys = (play(user, type=type, job=id) for id in (str(job.pk), unknown))
            assert theirs["error_type"] == nobodys["error_type"] == "not_found"
            assert theirs["message"] == nobodys["message"]
        assert play(user, type="lab_jobs")["jobs"] == []
        with pytest.raises(UnmaskError):
            lab_job(user, "no uuid")
    assert not LabJob.objects.get().cancel_requested
    merge(owner, friend)
    assert lab_jobs(friend).get() == job


def test_the_rows_as_csv(begun: Start) -> None:
    job = begun()
    assert len(list(csv.reader(io.StringIO("".join(lab_csv(job)))))) == 1
    work_off(job)
    text = "".join(lab_csv(job))
    assert text.startswith(MARK)
    rows = list(csv.DictReader(io.StringIO(text.removeprefix(MARK))))
    assert [(row["recipe"], row["steps"]) for row in rows] == [
        (recipe, str(steps)) for recipe in ORDER["recipes"] for steps in ORDER["steps"]
    ]
    assert float(rows[0]["exact"]) == job.results[0]["marks"]["exact"]
    assert rows[0]["task"] == "addition"


def test_no_cell_of_the_lab_s_csv_is_a_formula(begun: Start) -> None:
    job = begun()
    job.task = "=cmd()"
    job.results = [
        {"recipe": "@sum", "steps": 4, "passes": 1, "tokens_per_pass": 1.0, "milliseconds": 1.0,
         "marks": {"-exact": "+1"}}
    ]  # fmt: skip
    names, row = csv.reader(io.StringIO("".join(lab_csv(job)).removeprefix(MARK)))
    assert (row[0], row[4], row[-1]) == ("'=cmd()", "'@sum", "'+1")
    assert names[-1] == "'-exact"
