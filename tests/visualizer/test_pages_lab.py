"""Lab pages: the form, a job's panel, its curve, its file, and strangers."""

from __future__ import annotations

import csv
import io
import re
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from pyarrow import parquet

from core.commands import ask
from inference.models import ModelEntry, Stream
from tests.visualizer.test_pages_home import worked_at_once
from visualizer.models import LabJob, Run, Session
from visualizer.selectors.lab_comparisons import compare_rows
from visualizer.views.curve import curve, interval

pytestmark = pytest.mark.django_db
RESULTS = [
    {"recipe": name, "steps": steps, "passes": 8.0, "tokens_per_pass": speed,
     "milliseconds": 12.0, "marks": {"exact": right, "digits": 1.0}}
    for name, steps, speed, right in
    [("rank/random", 0, 1.0, 1.0), ("rank/random", 4, 4.0, 0.5), ("=evil", 0, 1.0, 0.25)]
]  # fmt: skip


def job_of(owner: User, session: Session, **fields: Any) -> LabJob:
    values: dict[str, Any] = {
        "model": session.model, "task": "addition", "recipes": ["rank/random"], "steps": [0, 4],
        "count": 2, "stream": Stream.objects.create(), "status": "running",
    }  # fmt: skip
    return LabJob.objects.create(owner=owner, **{**values, **fields})


def test_the_form_starts_a_job(owner_client: Client, with_task: ModelEntry) -> None:
    data = {"model": with_task.slug, "recipes": ["rank/random"], "steps": "0, 4", "count": "3"}
    response = owner_client.post("/lab/", data)
    job = LabJob.objects.get()
    assert response["Location"] == f"/lab/{job.pk}/"
    assert (job.steps, job.count, job.recipes) == ([0, 4], 3, ["rank/random"])
    assert (job.block_lengths, job.seeds) == ([0], 1)


def test_the_fields_of_the_ticked_recipes_are_measured_with(
    owner_client: Client, with_task: ModelEntry
) -> None:
    with_task.family = "llada"
    with_task.save()
    page = owner_client.get("/lab/").content.decode()
    assert 'name="llada/random:p_temperature"' in page
    assert 'name="klass:p_kl_threshold"' not in page  # it is not ticked
    data = {"model": with_task.slug, "recipes": ["rank/random", "klass"], "steps": "0",
            "count": "3", "klass:p_threshold": "0.7", "rank/random:p_threshold": "0.1"}  # fmt: skip
    assert owner_client.post("/lab/", data).status_code == 302
    assert LabJob.objects.get().parameters == {"klass": {"threshold": 0.7}}
    assert "threshold 0.7" in owner_client.get("/lab/").content.decode()
    again = owner_client.post("/lab/", data | {"klass:p_threshold": "70"})
    assert (again.status_code, again.context["problem"].field) == (400, "parameters")
    assert 'value="70"' in again.content.decode()


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"steps": "0, zwei"}, "Steps are"),
        ({"steps": ""}, "Steps are"),
        ({"recipes": []}, "recipes"),
        ({"count": "9999"}, "count"),
        ({"steps": "4 4"}, "twice"),
        ({"block_lengths": "eight"}, "Block lengths are"),
        ({"block_lengths": ""}, "Block lengths are"),
        ({"seeds": "9"}, "seeds"),
    ],
)
def test_bad_forms_are_refused_in_words(
    owner_client: Client, with_task: ModelEntry, change: dict[str, Any], word: str
) -> None:
    data = {"model": with_task.slug, "recipes": ["rank/random"], "steps": "0", "count": "3"}
    response = owner_client.post("/lab/", {**data, **change})
    assert response.status_code == 400
    assert word in response.content.decode()
    assert not LabJob.objects.exists()


def test_a_job_at_work_polls_and_a_finished_one_does_not(
    owner_client: Client, owner: User, session: Session
) -> None:
    job = job_of(owner, session, results=RESULTS)
    body = owner_client.get(f"/lab/{job.pk}/").content.decode()
    assert 'hx-trigger="every 2s"' in body
    assert 'role="progressbar"' in body
    LabJob.objects.update(status="done")
    panel = owner_client.get(f"/lab/{job.pk}/", headers={"HX-Request": "true"}).content.decode()
    assert "hx-trigger" not in panel
    assert "<html" not in panel
    assert panel.count("<polyline") == 2


def test_the_curve_puts_quality_up_and_speed_across() -> None:
    drawn = curve(RESULTS)
    assert drawn is not None
    slow, fast = drawn["lines"][0].points
    assert float(slow.x) < float(fast.x)
    assert float(slow.y) < float(fast.y)  # up is less
    assert curve([]) is None


def test_the_file_has_every_row_and_no_formula(
    owner_client: Client, owner: User, session: Session
) -> None:
    job = job_of(owner, session, results=RESULTS)
    text = b"".join(owner_client.get(f"/lab/{job.pk}/csv/")).decode()
    rows = list(csv.reader(text.splitlines()))
    assert len(rows) == 4
    assert not any(cell.startswith("=") for row in rows for cell in row)


def test_rows_are_compared_in_pairs_and_the_front_is_drawn(
    owner_client: Client, owner: User, session: Session
) -> None:
    rows = [{**RESULTS[0], "each": [1.0] * 8}, {**RESULTS[1], "each": [1.0, 0.0] * 4},
            {**RESULTS[2], "recipe": "klass", "each": [0.0] * 6 + [1.0] * 2}]  # fmt: skip
    job = job_of(owner, session, results=rows, count=8, recipes=["rank/random", "klass"])
    body = owner_client.get(f"/lab/{job.pk}/").content.decode()
    assert body.count(">front</span>") == 2  # the slower and worse one is beaten
    assert '<path class="front"' in body
    assert "<strong>-75 (-100 to" in body
    assert "Against" in body
    front, fast, beaten = compare_rows(rows)
    assert (front.on_front, fast.on_front, beaten.on_front) == (True, True, False)
    assert (front.gain, fast.gain) == (None, None)
    assert beaten.gain is not None
    assert beaten.gain.excludes_zero


def test_rows_without_kept_cases_are_not_compared(
    owner_client: Client, owner: User, session: Session
) -> None:
    job = job_of(owner, session, results=RESULTS)
    assert "Against" not in owner_client.get(f"/lab/{job.pk}/").content.decode()
    assert compare_rows([]) == []


def test_every_case_is_a_line_of_the_parquet_file(
    owner_client: Client, owner: User, session: Session
) -> None:
    rows = [{**RESULTS[0], "each": [1.0, 0.5]}, {**RESULTS[1], "each": [0.0, 1.0]}, RESULTS[2]]
    job = job_of(owner, session, results=rows, parameters={"rank/random": {"temperature": 0.5}})
    sent = owner_client.get(f"/lab/{job.pk}/parquet/")
    assert f"unmask-lab-{job.pk}.parquet" in sent["Content-Disposition"]
    lines = parquet.read_table(io.BytesIO(sent.content)).to_pylist()
    assert [(line["steps"], line["case"], line["mark"]) for line in lines] == [
        (0, 0, 1.0), (0, 1, 0.5), (4, 0, 0.0), (4, 1, 1.0)
    ]  # fmt: skip
    assert {line["parameters"] for line in lines} == {'{"temperature": 0.5}'}
    empty = owner_client.get(f"/lab/{job_of(owner, session).pk}/parquet/")
    assert parquet.read_table(io.BytesIO(empty.content)).num_rows == 0


def test_others_reach_no_job(
    owner: User, friend: User, stranger_client: Client, session: Session
) -> None:
    job = job_of(owner, session)
    friend_client = Client()
    friend_client.force_login(friend)
    for client in (friend_client, stranger_client):
        assert client.get(f"/lab/{job.pk}/").status_code == 404
        assert client.get(f"/lab/{job.pk}/csv/").status_code == 404
        assert client.get(f"/lab/{job.pk}/parquet/").status_code == 404
        assert client.post(f"/lab/{job.pk}/cancel/").status_code == 404
        assert str(job.pk) not in client.get("/lab/").content.decode()
    job.refresh_from_db()
    assert not job.cancel_requested


def test_cancelling_asks_the_worker_to_end(
    owner_client: Client, owner: User, session: Session
) -> None:
    job = job_of(owner, session)
    assert owner_client.post(f"/lab/{job.pk}/cancel/").status_code == 302
    job.refresh_from_db()
    assert job.cancel_requested


CASES = [
    {"prompt": "once", "special_tokens": False, "gen_length": 3},
    {"prompt": "upon", "special_tokens": False, "gen_length": 3},
]


def finished(owner: User, session: Session, **fields: Any) -> LabJob:
    rows = [{**RESULTS[1], "each": [1.0, 0.0]}]
    return job_of(owner, session, status="done", results=rows, cases=CASES, **fields)


def test_shares_have_intervals_and_axes_have_titles(
    owner: User, owner_client: Client, session: Session
) -> None:
    page = owner_client.get(f"/lab/{finished(owner, session, count=20).pk}/").content.decode()
    assert "50% <span" in page
    assert "(30–70)" in page
    assert page.count('class="s0 whisker"') == 1
    assert "share of cases: Right answer</text>" in page
    assert "tokens per pass" in page


def test_a_grid_over_blocks_and_seeds_is_shown_and_repeated(
    owner: User, owner_client: Client, session: Session
) -> None:
    base = {**RESULTS[1], "recipe": "llada/random", "intervals": {"exact": [0.12, 0.93]}}
    rows = [{**base, "block_length": 0, "each": [1.0, 0.0] * 2},
            {**base, "block_length": 8, "each": [0.0] * 4}]  # fmt: skip
    job = job_of(owner, session, status="done", results=rows, cases=CASES * 2, seeds=2, seed=3,
                 recipes=["llada/random"], block_lengths=[0, 8], steps=[4])  # fmt: skip
    page = owner_client.get(f"/lab/{job.pk}/").content.decode()
    assert "One block, blocks of 8. 2 seeds from 3 on, 2 cases of each" in page
    assert "(12–93)" in page
    assert "bootstrap over seeds and cases" in page
    assert page.count("<polyline") == 2
    assert "-50 (-" in page  # blocks against one block
    cases = owner_client.get(f"/lab/{job.pk}/rows/1/").content.decode()
    assert "blocks of 8, 4 steps</h1>" in cases
    assert [cases.count(f'<td class="num">{seed}</td>') for seed in (3, 4)] == [2, 2]
    again = owner_client.get(f"/lab/?from={job.pk}").content.decode()
    assert 'name="block_lengths" value="0, 8"' in again
    assert 'name="seeds" type="number" min="1" max="8" value="2"' in again


@pytest.mark.parametrize(
    ("share", "count", "ends"), [(0.25, 20, (11, 47)), (0.0, 10, (0, 28)), (1.0, 10, (72, 100))]
)
def test_intervals_are_wilson_s(share: float, count: int, ends: tuple[int, int]) -> None:
    low, high = interval(share, count)
    assert (round(100 * low), round(100 * high)) == ends


@pytest.mark.parametrize(
    ("status", "words"),
    [("running", "as soon as"), ("cancelled", "was cancelled before"), ("failed", "failed before")],
)
def test_a_job_without_rows_says_why(
    owner: User, owner_client: Client, session: Session, status: str, words: str
) -> None:
    job = job_of(owner, session, status=status)
    assert words in owner_client.get(f"/lab/{job.pk}/").content.decode()


def test_what_a_program_left_off_or_open_is_so_in_a_repeated_job(
    owner: User, owner_client: Client, with_task: ModelEntry, play: Any
) -> None:
    with_task.family = "llada"
    with_task.save()
    own = {"eos_last": False, "stop_at_end": True, "threshold": 0.0}
    asked = {"model": with_task.slug, "recipes": ["klass"], "steps": [3]}
    reply = play(owner, type="lab_start", **asked, parameters={"klass": own})
    again = owner_client.get(f"/lab/?from={reply['job']['id']}").content.decode()
    fields = {name: re.search(rf'<input [^>]*name="klass:p_{name}"[^>]*>', again) for name in own}
    assert all(fields.values())
    ticked = {name: "checked" in found[0] for name, found in fields.items() if found}
    assert ticked == {"eos_last": False, "stop_at_end": True, "threshold": False}
    assert fields["threshold"] is not None
    assert 'value="0.0"' in fields["threshold"][0]


def test_jobs_are_repeated_and_deleted(
    owner: User, owner_client: Client, stranger_client: Client, with_task: ModelEntry
) -> None:
    data = {"model": with_task.slug, "recipes": ["klass"], "steps": "3", "count": "7", "seeds": "2",
            "klass:p_threshold": "0.7"}  # fmt: skip
    with_task.family = "llada"
    with_task.save()
    assert owner_client.post("/lab/", data).status_code == 302
    job = LabJob.objects.get()
    again = owner_client.get(f"/lab/?from={job.pk}").content.decode()
    assert 'value="klass" checked' in again
    assert 'value="0.7"' in again
    assert 'name="count" type="number" min="1" max="200" value="7"' in again
    assert stranger_client.get(f"/lab/?from={job.pk}").status_code == 404
    where = f"/lab/{job.pk}/delete/"
    owner_client.post(where)
    assert LabJob.objects.exists()  # it is still at work
    LabJob.objects.update(status="done")
    assert stranger_client.post(where).status_code == 404
    owner_client.post(where)
    assert not LabJob.objects.exists()


def test_from_a_row_to_its_cases_and_to_a_session(
    owner: User,
    owner_client: Client,
    stranger_client: Client,
    session: Session,
    real: Any,
    monkeypatch: pytest.MonkeyPatch,
    sent: list[Any],
) -> None:
    monkeypatch.setattr(ask, "submit", worked_at_once)
    job = finished(owner, session, parameters={"rank/random": {"temperature": 0.5}}, seed=3)
    page = owner_client.get(f"/lab/{job.pk}/rows/0/").content.decode()
    assert [page.count(words) for words in ("✓ right", "✗ wrong", "Watch this case")] == [1, 1, 2]
    watch = f"/lab/{job.pk}/rows/0/1/watch/"
    assert stranger_client.post(watch).status_code == 404
    made = owner_client.post(watch)
    watched = Session.objects.exclude(pk=session.pk).get()
    assert made["Location"] == f"/sessions/{watched.pk}/"
    assert (watched.prompt, watched.seed, watched.gen_length) == ("upon", 4, 3)
    run = Run.objects.get(session=watched)
    assert run.parameters == {"temperature": 0.5, "tokens_per_step": 1}
    assert owner_client.get(f"/lab/{job.pk}/rows/7/").status_code == 404
