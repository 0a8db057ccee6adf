"""`decide`: given choices at the gaps of a text; calibrations of such decisions."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User

from core.jobs import dispatch
from inference.engine.choices import joint_logprobs
from inference.models import ModelEntry, Stream
from tests.visualizer.api.conftest import WORK
from visualizer.models import Calibration, Command
from visualizer.worker import calibration, decisions

DIGITS = {"kind": "scale", "low": 0, "high": 9}
SUM = "12345678+11111111=<gap>23456789"
COLOURS = {"kind": "choices", "choices": ["red", "blue", "a very small green"]}
STORY = "Once upon a time there was a <gap> bird. The bird was <gap>."
CANARY = "canary-7f3a"
NEVER = "00000000-0000-4000-8000-000000000000"


@pytest.fixture(autouse=True)
def calibrations_are_worked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(WORK, Calibration.TASK, calibration.work)


def test_a_digit_that_the_model_knows(ask: Any, worker: Any) -> None:
    answer = ask.post("decide", model="addition", text=SUM, places=[DIGITS])
    assert answer.status_code == 200, answer.json()
    told = answer.json()
    (place,) = told["places"]
    assert (place["answer"], told["rows"], told["forwards"]) == ("0", 1, 1)
    assert place["probability"] > 0.9
    assert place["expected"] < 1
    assert [row["text"] for row in place["choices"]] == [str(n) for n in range(10)]
    assert sum(row["probability"] for row in place["choices"]) == pytest.approx(1)
    assert told["temperature"] == 1


def test_several_places_and_choices_of_several_tokens(ask: Any, worker: Any) -> None:
    places = [COLOURS, {"kind": "yes_no", "yes": "happy", "no": "sad"}]
    told = ask.post("decide", model="stories", text=STORY, places=places).json()
    assert [one["kind"] for one in told["places"]] == ["choices", "yes_no"]
    assert told["rows"] > 1
    long = told["places"][0]["choices"][2]
    assert long["logprob"] < min(row["logprob"] for row in told["places"][0]["choices"][:2])


def test_a_blank_before_a_gap_belongs_to_its_choices(
    ask: Any, worker: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Models write the blank and the word behind it as one token."""
    seen = []

    def spy(model: Any, pieces: Any, places: Any, forward: Any) -> Any:
        seen.append((model.tokenizer, pieces, places))
        return joint_logprobs(model, pieces, places, forward)

    monkeypatch.setattr(decisions, "joint_logprobs", spy)
    ask.post("decide", model="stories", text="The bird was <gap>.", places=[COLOURS])
    ((tokenizer, pieces, places),) = seen
    assert tokenizer.decode(pieces[0]) == "The bird was"
    assert tokenizer.decode(places[0][0]) == " red"


def test_a_temperature_changes_how_sure_it_is_and_not_what_it_says(ask: Any, worker: Any) -> None:
    asked = {"model": "stories", "text": STORY, "places": [COLOURS, COLOURS]}
    plain = ask.post("decide", **asked).json()["places"]
    warm = ask.post("decide", **asked, temperature=5.0).json()["places"]
    for before, after in zip(plain, warm, strict=True):
        assert before["answer"] == after["answer"]
        assert 1 / 3 < after["probability"] < before["probability"]
        assert [r["logprob"] for r in before["choices"]] == [r["logprob"] for r in after["choices"]]


def test_what_was_asked_is_not_kept(ask: Any, worker: Any) -> None:
    text = f"{CANARY} <gap>"
    assert ask.post("decide", model="stories", text=text, places=[COLOURS]).status_code == 200
    assert CANARY not in str(Command.objects.values_list("message", "reply"))


def test_a_repeat_is_answered_and_not_decided_again(ask: Any, worker: list[Any]) -> None:
    asked = {"model": "addition", "text": SUM, "places": [DIGITS], "request_id": "one"}
    first = ask.post("decide", **asked).json()
    assert ask.post("decide", **asked).json() == first
    assert worker.count(Command.TASK) == 1


def examples(count: int) -> list[dict[str, Any]]:
    """Sums whose first digit is missing: what the model is good at and not always right."""
    found = []
    for number in range(count):
        one, two = 10_000_019 + 7_654_321 * number % 90_000_000, 23_456_789
        total = f"{one + two:09d}"
        text = f"{one}+{two}=<gap>{total[1:]}"
        found.append({"text": text, "labels": [total[0]]})
    return found


def test_a_calibration_is_fitted_told_and_used(ask: Any, worker: Any, owner: User) -> None:
    asked = {"model": "addition", "places": [DIGITS], "examples": examples(20), "name": "first"}
    told = ask.post("calibrations", **asked).json()
    told = ask.get(f"calibrations/{told['id']}").json()
    assert (told["status"], told["made"], told["total"]) == ("done", 20, 20)
    results = told["results"]
    assert results.keys() == {"temperature", "count", "accuracy", "before", "after"}
    assert sum(one["count"] for one in results["before"]["bins"]) == 20
    assert ask.client.get(told["url"]).status_code == 200
    assert [one["id"] for one in ask.get("calibrations").json()["calibrations"]] == [told["id"]]
    used = {"model": "addition", "text": SUM, "places": [DIGITS], "calibration": told["id"]}
    assert ask.post("decide", **used).json()["temperature"] == results["temperature"]
    other = ask.post("decide", **{**used, "model": "stories"}).json()
    assert (other["error_type"], other["field"]) == ("validation", "calibration")
    assert Calibration.objects.get().owner == owner
    Calibration.objects.update(status=Calibration.Status.RUNNING)
    early = ask.post("decide", **used)
    assert (early.status_code, early.json()["error_type"]) == (409, "conflict")


def test_a_calibration_is_its_owner_s(
    ask: Any, ask_as: Any, worker: Any, friend: User, stranger: User
) -> None:
    made = ask.post(
        "calibrations", model="addition", places=[DIGITS], examples=examples(10)
    ).json()["id"]
    used = {"model": "addition", "text": SUM, "places": [DIGITS], "calibration": made}

    for user in (friend, stranger):
        theirs = ask_as(user)
        assert theirs.get("calibrations").json()["calibrations"] == []
        for answer in (
            theirs.get(f"calibrations/{made}"),
            theirs.post(f"calibrations/{made}/cancel"),
            theirs.post("decide", **used),
            theirs.client.get(f"/decide/calibrations/{made}/"),
            theirs.client.post(f"/decide/calibrations/{made}/cancel/"),
            theirs.delete(f"calibrations/{made}"),
            theirs.client.post(f"/decide/calibrations/{made}/delete/"),
        ):
            assert answer.status_code == 404
        shown, absent = (theirs.get(f"calibrations/{one}").json() for one in (made, NEVER))
        assert shown["message"] == absent["message"]
    assert ask.get(f"calibrations/{made}").json()["status"] == "done"


def test_a_calibration_is_deleted_when_it_has_ended(
    ask: Any, shipped: None, monkeypatch: Any
) -> None:
    monkeypatch.setattr(dispatch, "send", lambda task, pk: None)
    body = {"model": "addition", "places": [DIGITS], "examples": examples(10)}
    made = ask.post("calibrations", **body).json()["id"]
    early = ask.delete(f"calibrations/{made}")
    assert (early.status_code, early.json()["error_type"]) == (409, "conflict")
    Calibration.objects.update(status=Calibration.Status.DONE, results={"temperature": 2.0})
    stream = Calibration.objects.get().stream_id
    gone = ask.delete(f"calibrations/{made}")
    assert (gone.status_code, gone.json()) == (200, {"deleted": made})
    assert not Stream.objects.filter(pk=stream).exists()
    assert ask.get("calibrations").json()["calibrations"] == []
    for answer in (ask.get(f"calibrations/{made}"), ask.delete(f"calibrations/{made}")):
        assert answer.status_code == 404


@pytest.mark.usefixtures("listed")
def test_a_model_of_somebody_s_own_is_theirs(ask: Any, stranger: User) -> None:
    ModelEntry.every.filter(slug="addition").update(owner=stranger)
    for path, body in (
        ("decide", {"text": SUM, "places": [DIGITS]}),
        ("calibrations", {"places": [DIGITS], "examples": examples(10)}),
    ):
        told = ask.post(path, model="addition", **body).json()
        assert (told["error_type"], told["field"]) == ("not_found", "model")
    assert not Calibration.objects.exists()


def test_a_calibration_goes_on_where_a_slice_ended(
    ask: Any, shipped: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[Any] = []
    monkeypatch.setattr(dispatch, "send", lambda task, pk: sent.append((task, pk)))
    body = {"model": "addition", "places": [DIGITS], "examples": examples(10)}
    made = ask.post("calibrations", **body).json()["id"]
    calibration.work(made, seconds=0)
    row = Calibration.objects.get()
    assert (row.status, len(row.partial), row.attempts) == ("running", 1, 0)
    assert sent[-1] == (Calibration.TASK, made)
    calibration.work(made)
    row.refresh_from_db()
    assert (row.status, row.partial, row.results["count"]) == ("done", [], 10)


def test_a_calibration_is_cancelled(ask: Any, shipped: None, monkeypatch: Any) -> None:
    monkeypatch.setattr(dispatch, "send", lambda task, pk: None)
    body = {"model": "addition", "places": [DIGITS], "examples": examples(10)}
    made = ask.post("calibrations", **body).json()["id"]
    assert ask.post(f"calibrations/{made}/cancel").status_code == 200
    calibration.work(made)
    assert ask.get(f"calibrations/{made}").json()["status"] == "cancelled"
    assert ask.post(f"calibrations/{made}/cancel").json()["error_type"] == "conflict"


def test_two_at_once_are_enough(ask: Any, listed: None, monkeypatch: Any) -> None:
    monkeypatch.setattr(dispatch, "send", lambda task, pk: None)
    body = {"model": "addition", "places": [DIGITS], "examples": examples(10)}
    codes = [ask.post("calibrations", **body).status_code for _ in range(3)]
    assert codes == [200, 200, 409]


GOOD: dict[str, Any] = {"text": SUM, "places": [DIGITS]}
BAD: dict[str, tuple[Any, ...]] = {
    "text": (1, [], {}, True, "", CANARY * 10_000),
    "temperature": ("1", True, 0, -1, 99, [1]),
    "calibration": (1, "x", "", [], CANARY),
    "model": (1, "", [], "x" * 500),
    "timeout": ("1", 0, -1, 99_999),
    "surprise": (1, None),
    "places": (
        "x", [], {}, [1], [{}], [{"kind": "guess"}], [DIGITS] * 9,
        [{"kind": "choices"}], [{"kind": "choices", "choices": ["a"]}],
        [{"kind": "choices", "choices": ["a", "a"]}], [{"kind": "choices", "choices": ["a", ""]}],
        [{"kind": "choices", "choices": [f"{n}" for n in range(99)]}],
        [{"kind": "yes_no", "yes": "a", "no": "a"}], [{"kind": "yes_no", "maybe": "a"}],
        [{"kind": "scale", "low": 5, "high": 5}], [{"kind": "scale", "low": 0, "high": 500}],
        [{"kind": "scale", "low": "0", "high": 5}], [{"kind": "scale", "low": 0.5, "high": 5}],
    ),
}  # fmt: skip


@pytest.mark.parametrize("field", BAD)
@pytest.mark.usefixtures("listed")
def test_a_wrong_field_is_named(ask: Any, field: str) -> None:
    for value in BAD[field]:
        answer = ask.post("decide", **{**GOOD, field: value})
        told = answer.json()
        assert (answer.status_code, told["error_type"]) == (422, "validation"), (value, told)
        assert told["field"].split(".")[0] == field, (value, told)
        assert CANARY not in answer.content.decode()
    assert not Command.objects.exists()


UNFITTING: dict[str, tuple[dict[str, Any], str]] = {
    "no text": ({"places": [DIGITS]}, "text"),
    "no places": ({"text": SUM}, "places"),
    "no gap": ({**GOOD, "text": "no gap"}, "text"),
    "too many gaps": ({**GOOD, "text": "a<gap>b<gap>"}, "text"),
    "two temperatures": ({**GOOD, "temperature": 2.0, "calibration": NEVER}, "calibration"),
}


@pytest.mark.parametrize("case", UNFITTING)
@pytest.mark.usefixtures("listed")
def test_fields_that_do_not_fit_together_are_refused(ask: Any, case: str) -> None:
    fields, field = UNFITTING[case]
    answer = ask.post("decide", **fields)
    assert (answer.status_code, answer.json()["field"]) == (422, field)
    assert not Command.objects.exists()


def test_what_only_the_model_can_refuse(ask: Any, worker: Any) -> None:
    long = ask.post("decide", model="addition", text="1" * 60 + "<gap>", places=[DIGITS])
    assert (long.status_code, long.json()["field"]) == (400, "text")
    same = [{"kind": "choices", "choices": ["$", "€"]}]
    told = ask.post("decide", model="addition", text=SUM, places=same).json()
    assert (told["error_type"], told["field"]) == ("validation", "places.0")
    assert ask.post("decide", **GOOD, model="nobody").json()["error_type"] == "not_found"
    ModelEntry.objects.filter(slug="addition").update(kind=ModelEntry.Kind.AUTOREGRESSIVE)
    told = ask.post("decide", **GOOD, model="addition").json()
    assert (told["error_type"], told["field"]) == ("validation", "model")


LABELS: dict[str, tuple[Any, ...]] = {
    "too few": (examples(9),),
    "an unknown label": ([*examples(9), {"text": SUM, "labels": ["ten"]}],),
    "too many labels": ([*examples(9), {"text": SUM, "labels": ["1", "2"]}],),
    "no gap": ([*examples(9), {"text": CANARY, "labels": ["1"]}],),
    "no text": ([*examples(9), {"labels": ["1"]}],),
    "no list": ("x", 1, None, {}),
}


@pytest.mark.parametrize("case", LABELS)
@pytest.mark.usefixtures("listed")
def test_examples_that_do_not_fit_are_refused(ask: Any, case: str) -> None:
    for value in LABELS[case]:
        answer = ask.post("calibrations", places=[DIGITS], examples=value, model="addition")
        assert (answer.status_code, answer.json()["error_type"]) == (422, "validation")
        assert CANARY not in answer.content.decode()
    assert not Calibration.objects.exists()
