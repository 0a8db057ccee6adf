"""The door: strict JSON, strict types, one table of limits; what is refused changes nothing."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.contrib.auth.models import User

from core.commands.parsing import parse
from core.commands.submit import submit
from core.commands.validation import from_form, validate
from inference.errors import UnmaskError
from inference.limits import LIMITS
from inference.models import StreamEvent
from visualizer.commands import COMMANDS
from visualizer.models import Command, Session, Step

ZERO = "00000000-0000-0000-0000-000000000000"
GOOD: dict[str, dict[str, Any]] = {
    "load_model": {"model_path": "x"},
    "cancel_load": {"model_path": "x"},
    "initialize": {"prompt": "x"},
    "tokenize_and_forward": {"prompt": "x"},
    "apply_selection": {"selections": {"5": 1}},
    "rewind": {"step": 0},
    "open_session": {"session_id": "00000000-0000-0000-0000-000000000000"},
    "restore_session": {"session_id": "00000000-0000-0000-0000-000000000000"},
    "rename_session": {"title": "x"},
    "stage": {"selections": {"5": None}},
    "change_branch": {"branch": 1},
    "prune": {"branch": 1},
    "note": {"text": "x"},
    "restore": {"branch": 1},
    "diff": {"branches": [1, 2]},
    "merge": {"branch": 1},
    "compare_runs": {"recipes": [{"recipe": "rank/low_entropy"}, {"recipe": "llada/random"}]},
    "compare_branches": {"sides": [{"session_id": ZERO, "branch": n} for n in (1, 2)]},
    "judge": {"sides": [{"session_id": ZERO, "branch": 1}]},
    "unshare": {"link": 1},
    "save_preset": {"name": "x", "values": {}},
    "delete_preset": {"name": "x"},
    "lab_start": {"model": "x", "recipes": ["rank/random"], "steps": [4]},
    "lab_cancel": {"job": ZERO},
    "lab_job": {"job": ZERO},
    "decide": {"text": "x <gap>", "places": [{"kind": "yes_no"}]},
    "calibrate": {
        "places": [{"kind": "yes_no"}],
        "examples": [{"text": "x <gap>", "labels": ["yes"]}] * 10,
    },
    "calibration": {"calibration": ZERO},
    "cancel_calibration": {"calibration": ZERO},
    "delete_calibration": {"calibration": ZERO},
    "insert": {"position": 0},
    "choose": {"position": 5, "token": 1},
    "stage_text": {"position": 5, "text": "x"},
    **{name: {"positions": [5]} for name in ("remask", "lock", "unlock", "delete")},
}
INTEGERS = [
    ("initialize", "gen_length", "gen_length"),
    ("initialize", "block_length", "block_length"),
    ("initialize", "seed", "seed"),
    ("tokenize_and_forward", "gen_length", "gen_length"),
    ("tokenize_and_forward", "top_k", "top_k"),
    ("forward_pass", "gen_length", "gen_length"),
    ("forward_pass", "visual_top_k", "visual_top_k"),
    ("forward_pass", "actual_top_k", "actual_top_k"),
    ("auto_select", "tokens_to_select", "tokens_to_select"),
    ("select_tokens_only", "tokens_to_select", "tokens_to_select"),
    ("run", "tokens_per_step", "tokens_to_select"),
    ("rewind", "step", "step"),
    ("resume", "after", "event_number"),
]
FLOATS = [
    ("top_p", "top_p"),
    ("softmax_temperature", "softmax_temperature"),
    ("gumbel_temperature", "gumbel_temperature"),
]
NOT_INTEGERS: list[Any] = [
    "64", " 64", "6_4", "٦٤", True, [], {}, 64.0, 1.5, 1e3, -1, 2**63, 2**64, 2**70,
]  # fmt: skip
TEXTS = [
    "{", "", "null", "[]", "1", '"x"', "NaN", '{"a":Infinity}', '{"a":1e999}', '{"a":-Infinity}',
    '{"a":1,"a":2}', '{"a":{"b":1,"b":1}}', '{"a":"\\ud800"}', '{"\\udc00":1}', '{"a":"\\u0000"}',
    "[" * 2000, '{"a":' * 33 + "1" + "}" * 33, '{"a":' + "9" * 4400 + "}", "\ufeff{}", "{}x",
]  # fmt: skip


@pytest.mark.parametrize("text", TEXTS)
def test_texts_that_are_refused(text: str) -> None:
    with pytest.raises(UnmaskError) as refused:
        parse(text)
    assert refused.value.error_type == "validation"


def test_the_largest_message_is_accepted_and_one_more_is_not() -> None:
    size = 10 * 1024 * 1024
    text = json.dumps({"a": "x" * (size - 9)})
    assert len(text) == size
    assert parse(text)["a"]
    with pytest.raises(UnmaskError):
        parse(text + " ")


def test_what_looks_odd_but_is_fine_passes() -> None:
    text = '{"a":"\\\\u0000","b":"\\ud83d\\ude00","c":"</script>{{7*7}}","d":[[[[1]]]]}'
    assert parse(text) == {"a": "\\u0000", "b": "😀", "c": "</script>{{7*7}}", "d": [[[[1]]]]}


@pytest.mark.parametrize("type", sorted(COMMANDS))
def test_a_plain_message_of_every_type_is_valid(type: str) -> None:
    spec, _ = validate(COMMANDS, {"type": type, **GOOD.get(type, {})})
    assert callable(spec.load_handler())


@pytest.mark.parametrize("type", sorted(COMMANDS))
@pytest.mark.parametrize(
    "extra",
    [{"unknown": 1}, {"request_id": ""}, {"request_id": 5}, {"request_id": "x" * 65},
     {"request_id": "a b"}],
)  # fmt: skip
def test_unknown_fields_and_bad_names_are_refused(type: str, extra: dict[str, Any]) -> None:
    with pytest.raises(UnmaskError) as refused:
        validate(COMMANDS, {"type": type, **GOOD.get(type, {}), **extra})
    assert refused.value.field == next(iter(extra))


@pytest.mark.parametrize("type", sorted(GOOD))
def test_required_fields_are_required(type: str) -> None:
    for name in GOOD[type]:
        for fields in ({}, {name: None}):
            rest = {key: value for key, value in GOOD[type].items() if key != name}
            with pytest.raises(UnmaskError) as refused:
                validate(COMMANDS, {"type": type, **rest, **fields})
            assert refused.value.field == name


@pytest.mark.parametrize("value", NOT_INTEGERS)
@pytest.mark.parametrize(("type", "field", "limit"), INTEGERS)
def test_integers_are_strict(type: str, field: str, limit: str, value: Any) -> None:
    _refused(type, field, value)


@pytest.mark.parametrize(("type", "field", "limit"), INTEGERS)
def test_integers_keep_to_their_limits(type: str, field: str, limit: str) -> None:
    row = LIMITS[limit]
    for good in (int(row.low), int(row.high)):
        validate(COMMANDS, {"type": type, **GOOD.get(type, {}), field: good})
    for bad in (int(row.low) - 1, int(row.high) + 1):
        _refused(type, field, bad)


@pytest.mark.parametrize("value", ["0.9", True, None, [], {}, -1, 1e308, 1e-320])
@pytest.mark.parametrize(("field", "limit"), FLOATS)
def test_numbers_are_strict(field: str, limit: str, value: Any) -> None:
    if value == 1e-320 and LIMITS[limit].low == 0:
        return
    _refused("forward_pass", field, value)


@pytest.mark.parametrize(("field", "limit"), FLOATS)
def test_numbers_keep_to_their_limits(field: str, limit: str) -> None:
    row = LIMITS[limit]
    for good in (row.low, row.high):
        validate(COMMANDS, {"type": "forward_pass", field: good})
    for bad in (row.low - 0.0001, row.high + 0.0001):
        _refused("forward_pass", field, bad)
        with pytest.raises(UnmaskError) as refused:
            validate(COMMANDS, {"type": "reprocess_probabilities", "settings": {field: bad}})
        assert refused.value.field == f"settings.{field}"


@pytest.mark.parametrize(
    "value", ["LOW_CONFIDENCE", "low_confidence ", "", "__class__", None, [], 1, "lоw_confidence"]
)
def test_unknown_strategies_are_errors(value: Any) -> None:
    _refused("auto_select", "strategy", value)


@pytest.mark.parametrize(
    "selections",
    [
        {}, [], None, "15", {"015": 1}, {"15": 1, "015": 1}, {"-1": 1}, {"1e1": 1}, {"１５": 1},
        {" 5": 1}, {"5": -1}, {"5": 1.0}, {"5": "1"}, {"5": None}, {"5": True}, {"5": [1]},
        {"65536": 1}, {str(n): 1 for n in range(1025)},
    ],
)  # fmt: skip
def test_selections_are_positions_and_ids(selections: Any) -> None:
    with pytest.raises(UnmaskError) as refused:
        validate(COMMANDS, {"type": "apply_selection", "selections": selections})
    assert str(refused.value.field).startswith("selections")


@pytest.mark.parametrize(
    "name",
    ["websocket.disconnect", "__init__", "send.json", "dispatch", "load_model ", "LOAD_MODEL",
     "lоad_model", "x" * 10_000],
)  # fmt: skip
def test_unknown_types_are_named(name: str) -> None:
    with pytest.raises(UnmaskError) as refused:
        validate(COMMANDS, {"type": name})
    assert refused.value.message == f"Unknown message type: {name[:64]}"


@pytest.mark.parametrize("name", [None, 1, [], {}, True])
def test_the_type_is_a_text(name: Any) -> None:
    with pytest.raises(UnmaskError) as refused:
        validate(COMMANDS, {"type": name})
    assert refused.value.field == "type"


def test_forms_become_messages() -> None:
    form = {
        "type": "forward_pass", "visual_top_k": "25", "top_p": "0.9", "apply_gumbel_noise": "on",
        "gen_length": "", "HEADERS": {"HX-Request": "true"}, "csrfmiddlewaretoken": "x",
    }  # fmt: skip
    assert from_form(COMMANDS, form) == {
        "type": "forward_pass", "visual_top_k": 25, "top_p": 0.9, "apply_gumbel_noise": True,
    }  # fmt: skip
    assert from_form(COMMANDS, {"type": "initialize", "prompt": "64"})["prompt"] == "64"
    with pytest.raises(UnmaskError):
        validate(COMMANDS, from_form(COMMANDS, {"type": "forward_pass", "visual_top_k": "6_4"}))


@pytest.mark.django_db
def test_a_refused_message_changes_nothing(owner: User, session: Session) -> None:
    before = (Command.objects.count(), StreamEvent.objects.count(), Step.objects.count())
    for message in ({"type": "rewind", "step": -1}, {"type": "x"}, {"type": "rewind"}):
        with pytest.raises(UnmaskError):
            submit(COMMANDS, user=owner, channel="api", message=message, target=session)
    after = (Command.objects.count(), StreamEvent.objects.count(), Step.objects.count())
    assert after == before


@pytest.mark.django_db
def test_without_a_session_there_is_no_generation(owner: User) -> None:
    for type, spec in COMMANDS.items():
        if spec.needs_target and type != "open_session":
            with pytest.raises(UnmaskError, match="No generation initialized"):
                submit(
                    COMMANDS,
                    user=owner,
                    channel="api",
                    message={"type": type, **GOOD.get(type, {})},
                )


def _refused(type: str, field: str, value: Any) -> None:
    with pytest.raises(UnmaskError) as refused:
        validate(COMMANDS, {"type": type, **GOOD.get(type, {}), field: value})
    assert refused.value.error_type == "validation"
    assert refused.value.field == field
