"""Records of the shipped models, made by the real runtime, come out the same when replayed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import torch
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from pytest_django import Settings
from safetensors.torch import load_file, save_file

from core.commands.submit import submit
from core.worker import executor
from inference import model_locations, registry, runtime
from inference.causal_families import is_causal
from inference.runtime import precision
from tests.inference.engine.models import write_config
from tests.tiny import tiny_model
from tests.visualizer.working import work_off
from visualizer.commands import COMMANDS
from visualizer.models import Command, Session
from visualizer.records.exporter import record as export
from visualizer.worker import tasks

pytestmark = pytest.mark.django_db(transaction=True)
SHIPPED = sorted(
    path.parent.name
    for path in model_locations.SHIPPED_DIR.glob("*/config.json")
    if not is_causal(json.loads(path.read_text())) and path.with_name("model.safetensors").exists()
)
RECIPES = ("llada/low_confidence", "rank/random")


@pytest.fixture(autouse=True)
def models(tmp_path: Path, settings: Settings) -> Iterator[None]:
    settings.MODELS_DIR, settings.DEVICE = tmp_path, "cpu"
    settings.DATA_DIR = tmp_path
    yield
    for slug in list(runtime.loaded()):
        runtime.unload(slug)
    runtime.cache().clear()


def _made(
    owner: User, sent: list[Any], slug: str, dtype: str | None = None, recipe: str = RECIPES[0]
) -> dict[str, Any]:
    """The record of a session with a run, as workers make it."""
    registry.sync_models()
    entry = registry.resolve(slug)
    if dtype is not None:
        entry.card["dtype"] = dtype
        entry.save()
    runtime.load(entry)
    example = (entry.card.get("examples") or [{"prompt": "hello"}])[0]
    length = example.get("gen_length", None if "special_tokens" in example else 8)
    fields = {"prompt": example["prompt"], "gen_length": length and min(length, 12)}
    reply = _ask(
        owner, None, sent, type="initialize", model=slug, seed=5, special_tokens=True, **fields
    )
    session = Session.objects.get(pk=reply["session_id"])
    _ask(owner, session, sent, type="run", recipe=recipe, parameters={"temperature": 0.6})
    work_off(session, sent)
    made: dict[str, Any] = json.loads("".join(export(session)))
    return made


def _ask(owner: User, session: Session | None, sent: list[Any], **message: Any) -> dict[str, Any]:
    command = submit(COMMANDS, user=owner, channel="api", message=message, target=session)
    if command.state == Command.State.PENDING:
        if command.session_id:
            tasks.advance_session(str(command.session_id))
        else:
            executor.execute(COMMANDS, command.pk)
        command.refresh_from_db()
    reply: dict[str, Any] = json.loads(command.reply)
    assert reply["type"] != "error", reply
    return reply


def _replayed(record: dict[str, Any], tmp_path: Path, **options: Any) -> str:
    file, out = tmp_path / "record.json", StringIO()
    file.write_text(json.dumps(record), encoding="utf-8")
    try:
        call_command("replay", file, stdout=out, **options)
    except CommandError as error:
        return f"{out.getvalue()}\n{error}"
    return out.getvalue()


def _unsealed(record: dict[str, Any]) -> dict[str, Any]:
    """The record as an older version wrote it, without the chain that would tell of a change."""
    bare = {key: value for key, value in record.items() if key != "chain"}
    for step in (step for branch in bare["branches"] for step in branch["steps"]):
        step.pop("hash", None)
    return {**bare, "version": 1}


@pytest.mark.parametrize("recipe", RECIPES)
@pytest.mark.parametrize("slug", SHIPPED)
def test_records_of_shipped_models_come_out_the_same(
    slug: str, recipe: str, owner: User, sent: list[Any], tmp_path: Path
) -> None:
    record = _made(owner, sent, slug, recipe=recipe)
    assert record["model"]["dtype"] == "float32"  # the files hold bfloat16
    said = _replayed(record, tmp_path)
    assert "steps of runs came out the same" in said
    assert "otherwise" not in said
    assert said.count(": same") >= 4


def test_notes_are_told_where_they_stand(owner: User, sent: list[Any], tmp_path: Path) -> None:
    record = _unsealed(_made(owner, sent, SHIPPED[0]))
    texts = {0: "before", 2: "two\nlines, \x1b[31mred"}
    notes = [{"number": number, "text": text} for number, text in texts.items()]
    record["branches"][0]["notes"] = notes
    lines = [line.split(" ", 2)[2] for line in _replayed(record, tmp_path).splitlines()[:5]]
    assert lines == [
        "step 0, note: before",
        "step 1 llada/low_confidence: same",
        "step 2 llada/low_confidence: same",
        "step 2, note: two lines, \ufffd[31mred",
        "step 3 llada/low_confidence: same",
    ]


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_a_record_in_another_precision_is_replayed_in_it(
    dtype: str, owner: User, sent: list[Any], tmp_path: Path
) -> None:
    record = _made(owner, sent, "stories", dtype)
    assert record["model"]["dtype"] == dtype
    assert "otherwise" not in _replayed(record, tmp_path)
    record["model"]["dtype"] = "float32"
    record["model"]["weights_hash"] = record["model"]["weights_hash"][::-1]
    assert "made with another model" in _replayed(_unsealed(record), tmp_path)


def test_what_auto_chose_stands_in_the_record_and_is_used_again(
    owner: User, sent: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Measured to be quicker in bfloat16 when it was made, in float32 when it is replayed."""
    folder = tiny_model(tmp_path / "mine")
    weights = load_file(folder / "model.safetensors")
    sharp = {key: 3 * value.to(torch.bfloat16) for key, value in weights.items()}
    save_file(sharp, folder / "model.safetensors")
    write_config(folder, torch_dtype="bfloat16")
    monkeypatch.setattr(precision, "automatic", lambda *_: torch.bfloat16)
    record = _made(owner, sent, "mine")
    assert record["model"]["dtype"] == "bfloat16"
    monkeypatch.setattr(precision, "automatic", lambda *_: torch.float32)
    assert "otherwise" not in _replayed(record, tmp_path)


def test_a_record_that_cannot_be_followed_here_is_refused_with_the_reason(
    owner: User, sent: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = _made(owner, sent, "addition")
    assert (record["model"]["quantization"], record["model"]["device_map"]) == (None, None)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    record = _unsealed(record)
    on_a_gpu = {**record, "model": {**record["model"], "device": "cuda"}}
    assert "this machine has none" in _replayed(on_a_gpu, tmp_path)
    assert "otherwise" not in _replayed(on_a_gpu, tmp_path, device="cpu")
    odd = {**record, "model": {**record["model"], "dtype": "int2"}}
    assert "names no precision" in _replayed(odd, tmp_path)
