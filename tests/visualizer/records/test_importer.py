"""Records come back: what was exported can be imported, and its runs can be made again."""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.test import Client

from inference.errors import UnmaskError
from inference.models import ModelEntry, StreamEvent, Vocabulary
from tests.slices import short_slices
from tests.visualizer.fakes import FakeRuntime
from tests.visualizer.records.older import unsealed
from tests.visualizer.working import work_off
from visualizer.models import Branch, Digest, Run, Session, Step
from visualizer.records.exporter import record as export
from visualizer.records.importer import import_record
from visualizer.selectors import digest_at, session_for, snapshot, state_at
from visualizer.services.branches import fork, restore

pytestmark = pytest.mark.django_db
Raw = dict[str, Any]
Change = Callable[[Raw], Any]


def exported(session: Session) -> Raw:
    found: Raw = json.loads("".join(export(session)))
    return found


def without_ids(record: Raw) -> Raw:
    """The record with ids by order of appearance and without times."""
    made = copy.deepcopy(record)
    branches = {branch["id"]: n for n, branch in enumerate(made["branches"])}
    runs: dict[int, int] = {}
    times: dict[str, int] = {}
    for branch in made["branches"]:
        branch["id"] = branches[branch["id"]]
        branch["parent"] = branches.get(branch["parent"])
        when = branch["pruned_at"]
        branch["pruned_at"] = when and times.setdefault(when, len(times))
        for step in branch["steps"]:
            del step["created"], step["hash"]
            if step["run"]:
                step["run"]["id"] = runs.setdefault(step["run"]["id"], len(runs))
    head = made["session"]["head"]
    head["branch"] = branches[head["branch"]]
    del made["session"]["id"], made["session"]["created"], made["chain"]
    return made


@pytest.fixture
def lived(play: Any, owner: User, begin: Any, sent: list[Any], random_model: Any) -> Session:
    """Runs, hand work, branches (one pruned) and forwards."""
    session: Session = begin()
    name = f"{random_model.tokenizer_hash}:10000"
    Vocabulary.objects.update(hash=hashlib.sha256(name.encode()).hexdigest(), size=10_000)
    ModelEntry.objects.filter(slug="tiny").update(mask_id=session.mask_id)
    play(owner, session, type="forward_pass", top_p=0.9)
    position = str(len(session.prompt_ids))
    play(owner, session, type="apply_selection", selections={position: 5})
    play(owner, session, type="run", recipe="rank/random", max_steps=4, keep_settled=True)
    work_off(session, sent)
    play(owner, session, type="rewind", step=3)
    play(owner, session, type="lock", positions=[int(position)])
    recipes = [{"recipe": "rank/low_entropy"}, {"recipe": "llada/low_confidence"}]
    reply = play(owner, session, type="compare_runs", recipes=recipes)
    work_off(session, sent)
    pruned, marked = (branch["id"] for branch in reply["branches"])
    play(owner, session, type="prune", branch=pruned)
    play(owner, session, type="change_branch", branch=marked, marked=True, name="best <b>")
    return session


@pytest.fixture
def written(lived: Session) -> Raw:
    return exported(lived)


@pytest.fixture
def record(written: Raw) -> Raw:
    """The record without its chain, so that tests may change it."""
    return unsealed(written)


def test_export_import_export_is_the_same_but_for_ids_and_times(
    written: Raw, lived: Session, friend: User, stranger: User
) -> None:
    made = import_record(owner=friend, raw=written)
    again = exported(made)
    assert without_ids(again) == without_ids(written)
    assert made.pk != lived.pk
    assert session_for(friend, made.pk) == made
    with pytest.raises(UnmaskError):
        session_for(stranger, made.pk)
    assert state_at(made).tokens == state_at(lived).tokens
    third = import_record(owner=friend, raw=again)
    assert without_ids(exported(third)) == without_ids(written)


def test_a_record_says_which_runs_judged_written_tokens_too(record: Raw, friend: User) -> None:
    steps = record["branches"][0]["steps"]
    assert {step["run"]["keep_settled"] for step in steps if step["run"]} == {True}
    for step in steps:
        if step["run"]:
            del step["run"]["keep_settled"]  # records of before say nothing
    made = import_record(owner=friend, raw=record)
    assert not made.runs.filter(keep_settled=True).exists()


def test_an_imported_session_can_be_worked_on(
    play: Any, record: Raw, friend: User, sent: list[Any]
) -> None:
    made = import_record(owner=friend, raw=record)
    seen = snapshot(made)
    assert seen["head"]["number"] == record["session"]["head"]["number"]
    assert digest_at(made) is None
    assert seen["number"] == StreamEvent.objects.filter(stream=made.stream).count()
    assert play(friend, made, type="auto_select")["error_type"] == "conflict"
    assert play(friend, made, type="forward_pass")["type"] == "forward_pass_result"
    assert digest_at(made) is not None
    play(friend, made, type="run", recipe="rank/low_entropy")
    work_off(made, sent)
    assert state_at(made).is_complete


def _branch(record: Raw, index: int = 0) -> Raw:
    branch: Raw = record["branches"][index]
    return branch


def _operation(record: Raw) -> Raw:
    operation: Raw = _branch(record)["steps"][0]["operations"][0]
    return operation


def _run(record: Raw, index: int) -> Raw:
    run: Raw = _branch(record)["steps"][index]["run"]
    return run


def _inserts(record: Raw, index: int, new: range) -> None:
    """A step of the first branch that puts places in."""
    slot = record["session"]["gen_length"]
    operation = {"op": "insert", "slot": slot, "new": list(new)}
    _branch(record)["steps"][index]["operations"] = [operation]


DAMAGES: dict[str, tuple[Change, str]] = {
    "another format": (lambda r: r.update(format="x"), "version"),
    "another version": (lambda r: r.update(version=3), "version"),
    "a version that is no number": (lambda r: r.update(version=True), "version"),
    "a version that is no whole number": (lambda r: r.update(version=1.0), "version"),
    "an old version with a chain": (lambda r: r.update(chain="0" * 64), "version"),
    "an unknown field": (lambda r: r["session"].update(html="x"), "session.html"),
    "a missing field": (lambda r: r["session"].pop("seed"), "session.seed"),
    "a wrong type": (lambda r: r["session"].update(gen_length="8"), "session.gen_length"),
    "too long": (lambda r: r["session"].update(gen_length=2000), "session.gen_length"),
    "wrong settings": (lambda r: r["session"]["settings"].update(top_p=9), "session.settings"),
    "a canvas beyond the context": (lambda r: r["session"].update(gen_length=1000),
                                    "session.gen_length"),
    "a prompt beyond the context": (lambda r: r["session"].update(prompt_ids=[1] * 60_000),
                                    "session.gen_length"),
    "a canvas that grows beyond it": (lambda r: _inserts(r, 0, range(900, 1600)),
                                      "branches.0.steps"),
    "a run that grows beyond it": (lambda r: _inserts(r, 1, range(900, 1600)),
                                   "branches.0.steps"),
    "no branches": (lambda r: r.update(branches=[]), "branches"),
    "a foreign token": (lambda r: _operation(r).update(token=10_000), "session.prompt_ids"),
    "a huge token": (lambda r: _operation(r).update(token=2**40), "branches.0.steps"),
    "an unknown operation": (lambda r: _operation(r).update(op="burn"), "branches.0.steps"),
    "a commit of nothing": (lambda r: _operation(r).pop("token"), "branches.0.steps"),
    "a missing slot": (lambda r: _operation(r).update(slot=500), "branches.0.steps"),
    "a prompt slot": (lambda r: _operation(r).update(slot=0), "branches.0.steps"),
    "an odd probability": (lambda r: _operation(r).update(p=1.5), "branches.0.steps"),
    "a gap": (lambda r: _branch(r)["steps"].pop(1), "branches.0.steps"),
    "a repeat": (lambda r: _branch(r)["steps"][1].update(number=1), "branches.0.steps"),
    "a cycle": (lambda r: _branch(r, 1).update(parent=_branch(r, 2)["id"]), "branches.1.parent"),
    "itself as parent": (lambda r: _branch(r, 1).update(parent=_branch(r, 1)["id"]),
                         "branches.1.parent"),
    "two roots": (lambda r: _branch(r, 1).update(parent=None), "branches.1.parent"),
    "an id twice": (lambda r: _branch(r, 1).update(id=_branch(r)["id"]), "branches.1.id"),
    "a fork beyond": (lambda r: _branch(r, 1).update(fork_number=99), "branches.1.fork_number"),
    "a forward beyond": (lambda r: _branch(r)["forwards"][0].update(number=99),
                         "branches.0.forwards"),
    "a head beyond": (lambda r: r["session"]["head"].update(number=99), "session.head"),
    "a head nowhere": (lambda r: r["session"]["head"].update(branch=10**9), "session.head"),
    "a run without steps of it": (lambda r: _branch(r)["steps"][1].update(run=None),
                                  "branches.0.steps"),
    "a run that begins after its step": (lambda r: _run(r, 1).update(first_step=9),
                                         "branches.0.steps"),
    "a run that begins differently": (lambda r: _run(r, 2).update(first_step=1),
                                      "branches.0.steps"),
    "a run with other parameters": (lambda r: _run(r, 2).update(parameters={"steps": 9}),
                                    "branches.0.steps"),
    "an unknown model": (lambda r: r["model"].update(slug="nobody"), "model.slug"),
    "another tokenizer": (lambda r: r["model"].update(tokenizer_hash="0" * 64),
                          "model.tokenizer_hash"),
    "another mask": (lambda r: r["session"].update(mask_id=3), "model.tokenizer_hash"),
}  # fmt: skip


@pytest.mark.parametrize("name", DAMAGES)
def test_a_damaged_record_leaves_nothing(record: Raw, friend: User, name: str) -> None:
    change, field = DAMAGES[name]
    change(record)
    tables = (Session, Branch, Step, Digest, Run, StreamEvent)
    before = [table.objects.count() for table in tables]
    with pytest.raises(UnmaskError) as refused:
        import_record(owner=friend, raw=record)
    assert str(refused.value.field).startswith(field)
    assert [table.objects.count() for table in tables] == before


def test_settings_that_there_are_not_do_not_come_in(
    record: Raw, friend: User, client: Client
) -> None:
    honest = dict(record["session"]["settings"])
    record["session"]["settings"] |= {"strategy": {"a": 1}, "tokens_to_select": {"a": 1}}
    made = import_record(owner=friend, raw=record)
    assert made.settings == honest
    client.force_login(friend)
    assert client.get(f"/sessions/{made.pk}/").status_code == 200
    made.settings = record["session"]["settings"]  # as an import of before left them
    made.save()
    page = client.get(f"/sessions/{made.pk}/")
    assert page.status_code == 200
    assert page.context["chosen"]["top_p"] == honest["top_p"]


def test_what_was_put_away_together_comes_back_together(
    play: Any, owner: User, session: Session, friend: User
) -> None:
    play(owner, session, type="apply_selection", selections={"4": 5})
    root = session.head_branch_id or 0
    first = fork(session=session, parent_id=root, number=0, name="first")
    Step.objects.create(branch=first, number=1, operations=[])
    fork(session=session, parent_id=first.pk, number=1, name="child")
    other = fork(session=session, parent_id=root, number=1, name="other")
    for gone in (first, other):
        play(owner, session, type="prune", branch=gone.pk)
    record = unsealed(exported(session))
    record["model"]["tokenizer_hash"] = None  # the fake model has none
    assert _restored(record, friend) == {"main", "first", "child"}
    for branch in record["branches"]:
        del branch["pruned_at"]  # records of before say nothing
    assert _restored(record, friend) == {"main", "first", "child", "other"}


def _restored(record: Raw, owner: User) -> set[str]:
    """Names of what is there once the first pruned branch of an import has been restored."""
    rows = import_record(owner=owner, raw=record).branches
    restore(branch=rows.exclude(pruned=None)[0])
    return set(rows.filter(pruned=None).values_list("name", flat=True))


def test_the_command_imports_a_file(record: Raw, friend: User, tmp_path: Path) -> None:
    file = tmp_path / "record.json"
    file.write_text(json.dumps(record), encoding="utf-8")
    out = StringIO()
    call_command("import_record", file, "friend", stdout=out)
    assert session_for(friend, out.getvalue().split()[0]).title == record["session"]["title"]
    for content, user in (("{", "friend"), ("{}", "friend"), ('{"a":1,"a":2}', "friend")):
        file.write_text(content)
        with pytest.raises(CommandError):
            call_command("import_record", file, user)
    with pytest.raises(CommandError, match="no user"):
        call_command("import_record", file, "nobody")
    with pytest.raises(CommandError, match="cannot be read"):
        call_command("import_record", tmp_path / "none.json", "friend")


@pytest.fixture
def replayed(random_model: Any, tmp_path: Path) -> Callable[[Raw], str]:
    """replayed(record) → what `manage.py replay` prints."""

    def run(record: Raw) -> str:
        file, out = tmp_path / "record.json", StringIO()
        file.write_text(json.dumps(record), encoding="utf-8")
        try:
            call_command("replay", file, model=Path(random_model.path), stdout=out)
        except CommandError as error:
            return f"{out.getvalue()}\n{error}"
        return out.getvalue()

    return run


def test_a_replay_makes_the_same_tokens(written: Raw, replayed: Any) -> None:
    record = written
    made = [step for branch in record["branches"] for step in branch["steps"] if step["run"]]
    said = replayed(record)
    assert said.count(": same") == len(made) == 14
    assert "14 of 14 steps of runs came out the same." in said


def test_a_replay_names_what_came_out_otherwise(record: Raw, replayed: Any) -> None:
    changed = _branch(record)["steps"][2]["operations"][0]
    changed["token"] = 7 if changed["token"] != 7 else 8
    said = replayed(record)
    assert f"step 3 rank/random: differs at slots [{changed['slot']}]" in said
    assert "steps came out otherwise" in said


def test_a_replay_needs_the_same_weights(record: Raw, replayed: Any) -> None:
    record["model"]["weights_hash"] = "0" * 64
    said = replayed(record)
    assert "weights_hash" in said
    assert "same." not in said


def test_a_run_that_was_worked_in_slices_is_replayed_as_one(
    play: Any, owner: User, begin: Any, sent: list[Any], replayed: Any,
    monkeypatch: pytest.MonkeyPatch, real: FakeRuntime,
) -> None:  # fmt: skip
    session = begin()
    short_slices(monkeypatch)
    play(owner, session, type="run", recipe="dream/entropy", parameters={"temperature": 0.7})
    work_off(session, sent)
    assert "8 of 8" in replayed(exported(session))


@pytest.mark.parametrize("recipe", ["llada/low_confidence", "dream/entropy", "fastdllm/dual"])
def test_a_run_that_steps_by_hand_interrupted_is_replayed_as_one(
    play: Any, owner: User, begin: Any, sent: list[Any], replayed: Any,
    monkeypatch: pytest.MonkeyPatch, real: FakeRuntime, recipe: str,
) -> None:  # fmt: skip
    session = begin()
    short_slices(monkeypatch)
    prompt = len(session.prompt_ids)
    play(owner, session, type="apply_selection", selections={str(prompt): 5})
    play(owner, session, type="run", recipe=recipe, parameters={"temperature": 0.7})
    for type in ("lock", "unlock"):
        play(owner, session, type=type, positions=[prompt])
    work_off(session, sent)
    record = exported(session)
    made = [(step["by"], (step["run"] or {}).get("first_step")) for step in _steps(record)]
    by_hand = made.index(("manual", None), 1)
    assert 1 < by_hand < len(made) - 1
    assert set(made) == {("manual", None), ("run", 2)}
    assert "came out otherwise" not in replayed(record)


def _steps(record: Raw) -> list[Raw]:
    steps: list[Raw] = _branch(record)["steps"]
    return steps
