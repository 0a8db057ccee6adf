"""What is wrong with a request, field by field: the status, the field, and nothing stored."""

from __future__ import annotations

import json
from typing import Any

import pytest

from visualizer.models import Generation, Session

pytestmark = pytest.mark.usefixtures("listed")
ROUTES = ("generate", "generate/stream", "infill", "infill/stream")
GOOD = {"generate": {"prompt": "Once"}, "infill": {"prefix": "Once", "suffix": "."}}
NUMBERS = ("max_new_tokens", "steps", "tokens_per_step", "block_length", "seed", "top_k")
DECIMALS = ("temperature", "top_p", "timeout")
FLAGS = ("auto_trim", "fix_punctuation", "detach", "history")
TEXTS = {"generate": ("prompt", "model", "recipe"), "infill": ("prefix", "suffix", "text")}
NOT_NUMBERS: tuple[Any, ...] = ("1", True, [1], {}, 1.5, 10**30, -1)
NOT_DECIMALS: tuple[Any, ...] = ("1", True, [1], {}, 10**30, -1)
CANARY = "canary-7f3a"


def kind(route: str) -> str:
    return route.partition("/")[0]


def wrong() -> list[tuple[str, str, list[Any]]]:
    """(route, field, values that are not of its type or out of its range)."""
    rows = []
    for route in ROUTES:
        values: dict[str, list[Any]] = {key: list(NOT_NUMBERS) for key in NUMBERS}
        values |= {key: list(NOT_DECIMALS) for key in DECIMALS}
        values |= {key: ["yes", 1, [], {}] for key in FLAGS}
        values |= {key: [1, [], {}, True, CANARY * 10000] for key in TEXTS[kind(route)]}
        values |= {"stop": ["x", [1], ["a"] * 5, {}], "surprise": [1, None]}
        values |= {"parameters": [[], "x", 1, {"steps": [1]}, {str(n): 1 for n in range(99)}]}
        rows += [(route, *pair) for pair in values.items()]
    return rows


def refused(answer: Any, status: int, field: str | None) -> None:
    told = answer.json()
    assert (answer.status_code, told.get("error_type")) == (status, "validation"), told
    shown = told.get("field")
    assert shown == field or (field and shown and shown.startswith(f"{field}.")), told
    assert told["correlation_id"] == answer.headers["X-Correlation-ID"]
    assert CANARY not in answer.content.decode()
    assert "Traceback" not in answer.content.decode()
    assert not Generation.objects.exists()
    assert not Session.objects.exists()


@pytest.mark.parametrize(("route", "field", "values"), wrong())
def test_a_wrong_field_is_named(ask: Any, route: str, field: str, values: list[Any]) -> None:
    for value in values:
        refused(ask.post(route, **{**GOOD[kind(route)], field: value}), 422, field)


UNREADABLE = {
    "truncated": (b'{"prompt": "canary-7f3a', "application/json"),
    "an array": (b'["canary-7f3a"]', "application/json"),
    "not a number": (b'{"prompt": "canary-7f3a", "temperature": NaN}', "application/json"),
    "an infinity": (b'{"prompt": "canary-7f3a", "temperature": 1e999}', "application/json"),
    "a repeated key": (b'{"prompt": "canary-7f3a", "prompt": "b"}', "application/json"),
    "half a pair": (b'{"prompt": "canary-7f3a\\ud800"}', "application/json"),
    "NUL": (b'{"prompt": "canary-7f3a\\u0000"}', "application/json"),
    "no UTF-8": (b'{"prompt": "canary-7f3a\xff"}', "application/json"),
    "too deep": (b'{"a":' * 100 + b"1" + b"}" * 100, "application/json"),
    "a form": (b"prompt=canary-7f3a", "application/x-www-form-urlencoded"),
    "plain text": (b'{"prompt": "canary-7f3a"}', "text/plain"),
}


@pytest.mark.parametrize("route", [*ROUTES, "batch/generate"])
@pytest.mark.parametrize("case", UNREADABLE)
def test_a_body_that_cannot_be_read_is_refused(ask: Any, route: str, case: str) -> None:
    refused(ask.send(route, *UNREADABLE[case]), 400, None)


@pytest.mark.parametrize("route", ROUTES)
def test_an_empty_body_is_refused(ask: Any, route: str) -> None:
    refused(ask.send(route, b""), 422, None)


@pytest.mark.parametrize("route", ROUTES)
def test_a_body_that_is_too_large_is_refused(ask: Any, route: str) -> None:
    body = json.dumps({"prompt": CANARY + "x" * (10 * 2**20)})
    refused(ask.send(route, body), 413, None)


UNFITTING = {
    "neither": ({}, "prompt"),
    "null": ({"prompt": None}, "prompt"),
    "both": ({"prompt": "a", "messages": [{"role": "user", "content": "b"}]}, "messages"),
    "empty stop": ({"prompt": "a", "stop": [""]}, "stop"),
    "long stop": ({"prompt": "a", "stop": ["x" * 500]}, "stop"),
    "two paces": ({"prompt": "a", "steps": 2, "tokens_per_step": 2}, "tokens_per_step"),
}


@pytest.mark.parametrize("case", UNFITTING)
def test_fields_that_do_not_fit_together_are_refused(ask: Any, case: str) -> None:
    fields, field = UNFITTING[case]
    refused(ask.post("generate", **fields), 400, field)


GAPS = {
    "nothing": ({}, "prefix"),
    "two ways": ({"prefix": "a", "text": "b<gap>c"}, "prefix"),
    "no gap": ({"text": "no gap"}, "text"),
    "too many gaps": ({"text": "<gap>x" * 40}, "text"),
    "two lengths": ({"prefix": "a", "suffix": "b", "length": 1, "lengths": [1]}, "lengths"),
    "too few lengths": ({"text": "a<gap>b<gap>c", "lengths": [1]}, "lengths"),
    "a long gap": ({"prefix": "a", "suffix": "b", "lengths": [5000]}, "lengths"),
}


@pytest.mark.parametrize("case", GAPS)
def test_gaps_that_make_no_sense_are_refused(ask: Any, case: str) -> None:
    fields, field = GAPS[case]
    refused(ask.post("infill", **fields), 400, field)


def test_an_unknown_model_is_named(ask: Any) -> None:
    told = ask.post("generate", prompt="a", model="nobody/nothing")
    assert (told.status_code, told.json()["error_type"]) == (404, "not_found")
    assert told.json()["field"] == "model"


@pytest.mark.parametrize("path", ["nowhere", "models/x", "cancel", "runs/1"])
def test_an_address_that_there_is_not(ask: Any, path: str) -> None:
    assert ask.get(path).status_code == 404
