"""The pages Decide and Calibration."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from core.jobs import dispatch
from inference.models import Stream
from visualizer.models import Calibration
from visualizer.views.decide import place_of
from visualizer.views.reliability import diagram

pytestmark = pytest.mark.django_db
MEASURED = {
    "temperature": 2.5,
    "count": 10,
    "accuracy": 0.8,
    "before": {
        "error": 0.31,
        "loss": 0.9,
        "bins": [
            {"low": 0.5, "high": 0.6, "count": 1, "confidence": 0.55, "accuracy": 1.0},
            {"low": 0.9, "high": 1.0, "count": 9, "confidence": 0.98, "accuracy": 0.7},
        ],
    },
    "after": {
        "error": 0.02,
        "loss": 0.5,
        "bins": [{"low": 0.7, "high": 0.8, "count": 10, "confidence": 0.78, "accuracy": 0.8}],
    },
}


@pytest.mark.parametrize(
    ("line", "place"),
    [
        ("red | blue|green ", {"kind": "choices", "choices": ["red", "blue", "green"]}),
        ("yes/no", {"kind": "yes_no", "yes": "yes", "no": "no"}),
        (" 1..5 ", {"kind": "scale", "low": 1, "high": 5}),
        ("-2 .. 2", {"kind": "scale", "low": -2, "high": 2}),
        ("a/b/c | d", {"kind": "choices", "choices": ["a/b/c", "d"]}),
        ("alone", {"kind": "choices", "choices": ["alone"]}),
    ],
)
def test_a_line_says_what_may_stand_in_a_gap(line: str, place: dict[str, Any]) -> None:
    assert place_of(line) == place


def test_the_form_stands_and_a_stranger_s_calibrations_do_not(
    owner_client: Client, owner: User, stranger: User, entry: Any
) -> None:
    for user, name in ((owner, "mine"), (stranger, "theirs")):
        row = {"owner": user, "model": entry, "name": name, "stream": Stream.objects.create()}
        Calibration.objects.create(**row, status="done", results=MEASURED)
    page = owner_client.get("/decide/").content.decode()
    assert "mine (Tiny, 2.50)" in page
    assert "theirs" not in page


def test_calibrating_leads_to_its_page(
    owner_client: Client, entry: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[Any] = []
    monkeypatch.setattr(dispatch, "send", lambda *args: sent.append(args))
    lines = "\r\n".join(f"Is {n} even? <gap>. => {'no' if n % 2 else 'yes'}" for n in range(10))
    form = {"places": "yes/no", "examples": lines, "name": "even", "model": "tiny"}
    answer = owner_client.post("/decide/calibrations/", form)
    row = Calibration.objects.get()
    assert answer.headers["Location"] == f"/decide/calibrations/{row.pk}/"
    assert row.examples[1] == {"text": "Is 1 even? <gap>.", "labels": ["no"]}
    page = owner_client.get(answer.headers["Location"]).content.decode()
    assert "0 of 10 examples" in page
    assert "hx-get" in page


def test_a_line_without_an_answer_is_named(owner_client: Client, entry: Any) -> None:
    form = {"places": "yes/no", "examples": "Is 1 even? <gap>.", "model": "tiny"}
    answer = owner_client.post("/decide/calibrations/", form, follow=True)
    assert "Line 1 needs the text" in answer.content.decode()
    assert not Calibration.objects.exists()


def test_the_page_tells_the_error_before_and_after(
    owner_client: Client, owner: User, entry: Any
) -> None:
    stream = Stream.objects.create()
    row = Calibration.objects.create(
        owner=owner, model=entry, stream=stream, status="done", results=MEASURED
    )
    page = owner_client.get(f"/decide/calibrations/{row.pk}/").content.decode()
    for words in ("31.00%", "2.00%", "2.500", "confidence", "hx-get"):
        assert (words in page) == (words != "hx-get"), words
    assert page.count('<circle class="s') == 5  # three bins and two keys


def test_a_calibration_that_has_ended_is_deleted_on_its_page(
    owner_client: Client, owner: User, entry: Any
) -> None:
    stream = Stream.objects.create()
    row = Calibration.objects.create(owner=owner, model=entry, stream=stream, status="running")
    address, button = f"/decide/calibrations/{row.pk}/", f"/decide/calibrations/{row.pk}/delete/"
    assert button not in owner_client.get(address).content.decode()
    refused = owner_client.post(button, follow=True)
    assert "at work" in refused.content.decode()
    Calibration.objects.update(status="done", results=MEASURED)
    assert button in owner_client.get(address).content.decode()
    told = owner_client.post(button, follow=True)
    assert told.redirect_chain == [("/decide/", 302)]
    assert "The calibration was deleted." in told.content.decode()
    assert not Calibration.objects.exists()
    assert owner_client.get(address).status_code == 404


def test_the_diagram_s_places() -> None:
    plot = diagram(MEASURED)
    before, after = plot["lines"]
    assert [len(before.dots), len(after.dots)] == [2, 1]
    dot = before.dots[1]
    assert float(dot.x) == pytest.approx(52 + (560 - 68) * 0.98, abs=0.1)
    assert float(dot.y) == pytest.approx(300 - 44 - (300 - 58) * 0.7, abs=0.1)
    assert dot.text == "at temperature 1: 9 answers that were 98% sure, 70% right"
    assert float(before.dots[0].radius) < float(dot.radius)
