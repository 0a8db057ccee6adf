"""The hash chain of records: what is flipped, left out or moved is found."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.core.management.base import CommandError

from core.commands.parsing import parse
from inference.errors import UnmaskError
from tests.visualizer.records.older import unsealed
from visualizer.models import Session
from visualizer.records.chain import UNVERIFIED, Chain, canonical, verify
from visualizer.records.checks import checked
from visualizer.records.exporter import record as export
from visualizer.records.files import read_record

pytestmark = pytest.mark.django_db
Raw = dict[str, Any]
FLIPS = 300


@pytest.fixture
def text(play: Any, owner: User, session: Session) -> str:
    """A record with two branches, forward passes and steps by hand."""
    play(owner, session, type="forward_pass")
    play(owner, session, type="auto_select", tokens_to_select=2)
    play(owner, session, type="apply_selection", selections={"4": 5, "5": 6})
    play(owner, session, type="forward_pass")
    play(owner, session, type="apply_selection", selections={"6": 7})
    play(owner, session, type="rewind", step=0)
    play(owner, session, type="apply_selection", selections={"7": 8})
    return "".join(export(session))


@pytest.fixture
def raw(text: str) -> Raw:
    found: Raw = json.loads(text)
    return found


def test_what_was_written_is_verified(raw: Raw) -> None:
    verify(raw)
    assert checked(raw).chain == raw["chain"]


def test_no_flipped_bit_passes(text: str) -> None:
    """Either the flip is refused, or it says the same (one blank for another)."""
    data, draw = text.encode(), random.Random(5)
    passed = [n for n in range(FLIPS) if _accepted(data, draw.randrange(8 * len(data)))]
    assert passed == []


def _accepted(data: bytes, bit: int) -> bool:
    flipped = bytearray(data)
    flipped[bit // 8] ^= 1 << bit % 8
    try:
        record = parse(flipped.decode("utf-8"))
        checked(record)
    except (UnmaskError, UnicodeDecodeError):
        return False
    return bool(record != json.loads(data))


def _steps(record: Raw) -> list[Raw]:
    steps: list[Raw] = record["branches"][0]["steps"]
    return steps


CHANGES: dict[str, tuple[Callable[[Raw], Any], str]] = {
    "a token": (lambda r: _steps(r)[1]["operations"][0].update(token=9), "branches.0.steps.1"),
    "a probability": (lambda r: _steps(r)[0]["operations"][0].update(p=0.5), "branches.0.steps.0"),
    "a hash": (lambda r: _steps(r)[0].update(hash="0" * 64), "branches.0.steps.0"),
    "no hash": (lambda r: _steps(r)[0].pop("hash"), "branches.0.steps.0"),
    "the seed": (lambda r: r["session"].update(seed=4), "branches.0.steps.0"),
    "the weights": (lambda r: r["model"].update(weights_hash="b" * 64), "branches.0.steps.0"),
    "a branch's name": (lambda r: r["branches"][1].update(name="x"), "branches.1.steps.0"),
    "a forward pass": (lambda r: r["branches"][0]["forwards"][0].update(ms=1), "branches.1.steps"),
    "the last step": (lambda r: r["branches"][1]["steps"].pop(), "chain"),
    "the chain": (lambda r: r.update(chain="0" * 64), "chain"),
    "no chain": (lambda r: r.pop("chain"), "chain"),
    "no hashes, as if it were older": (lambda r: r.update(version=1), "version"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_is_found_where_it_is_or_at_the_next_step(raw: Raw, name: str) -> None:
    change, field = CHANGES[name]
    changed = copy.deepcopy(raw)
    change(changed)
    with pytest.raises(UnmaskError) as refused:
        checked(changed)
    assert str(refused.value.field).startswith(field)


def test_another_writer_of_the_same_values_breaks_nothing(raw: Raw) -> None:
    """Numbers as JavaScript writes them, keys in another order, blanks."""
    verify(json.loads(json.dumps(raw, sort_keys=True, indent=3).replace("1.0,", "1,")))


def test_the_same_value_has_one_text() -> None:
    assert canonical({"b": 1.0, "a": [2, "é"]}) == canonical({"a": [2.0, "é"], "b": 1})
    assert canonical(0.1) != canonical(0.2)
    assert canonical(True) != canonical(1)


def test_the_order_of_parts_counts() -> None:
    one, two = Chain({}), Chain({})
    assert (one.add({"a": 1}), one.add({"b": 1})) != (two.add({"b": 1}), two.add({"a": 1}))
    assert one.hash != two.hash


def test_older_records_are_said_to_be_unverified(
    raw: Raw, owner: User, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    older = unsealed(raw)
    verify(older)
    older["model"]["tokenizer_hash"] = None  # the fake model has none
    file = tmp_path / "record.json"
    file.write_text(json.dumps(older), encoding="utf-8")
    call_command("import_record", file, "owner")
    assert UNVERIFIED in capsys.readouterr().err
    with pytest.raises(CommandError):
        call_command("replay", file, model=tmp_path)
    assert UNVERIFIED in capsys.readouterr().err


def test_a_mark_of_an_editor_is_no_damage(text: str, tmp_path: Path) -> None:
    file = tmp_path / "record.json"
    file.write_text(text, encoding="utf-8-sig")
    verify(read_record(file))
