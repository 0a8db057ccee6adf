"""Loading through commands: faults in its answer, a wish for the end, and whose wish counts."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from pytest_django import Settings

from core.commands.submit import submit
from core.jobs import dispatch
from core.worker import executor
from inference import registry, runtime
from inference.engine import shards
from inference.models import ModelEntry
from inference.runtime import model_state
from tests.servers import wait_for
from tests.tiny import tiny_model
from visualizer.commands import COMMANDS
from visualizer.models import Command

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def model(tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    settings.MODELS_DIR, settings.DEVICE = tmp_path, "cpu"
    path = tiny_model(tmp_path / "mine")
    registry.sync_models()
    monkeypatch.setattr(dispatch, "send", lambda task, argument: None)
    yield path
    runtime.unload("mine")


def _ask(user: User, type: str) -> Command:
    message = {"type": type, "model_path": "mine"}
    return submit(COMMANDS, user=user, channel="api", message=message)


def _reply(command: Command) -> dict[str, Any]:
    executor.execute(COMMANDS, command.pk)
    command.refresh_from_db()
    return dict(json.loads(command.reply))


def _spoil(path: Path, **values: Any) -> None:
    config = json.loads((path / "config.json").read_text())
    (path / "config.json").write_text(json.dumps({**config, **values}))


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"mask_token_id": 10**6}, "mask_token_id"),
        ({"model_type": "gpt9", "architectures": ["Gpt9"]}, "model_type"),
        ({"torch_dtype": "int3"}, "dtype"),
    ],
)
def test_a_fault_of_the_files_is_answered_in_001s_shape(
    values: dict[str, Any], field: str, owner: User, model: Path
) -> None:
    original = (model / "config.json").read_text()
    _spoil(model, **values)
    reply = _reply(_ask(owner, "load_model"))
    assert (reply["type"], reply["success"], reply["model_path"]) == (
        "model_load_result", False, None,
    )  # fmt: skip
    assert reply["error"] == "Failed to load model from path"
    assert (reply["error_type"], reply["field"]) == ("model_loading", field)
    assert reply["message"]
    assert reply["correlation_id"]
    assert str(model) not in json.dumps(reply)
    (model / "config.json").write_text(original)
    assert _reply(_ask(owner, "load_model"))["success"] is True


def test_a_loading_is_ended_by_who_waits_for_it_alone(
    owner: User, stranger: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    reading, go_on, read = threading.Event(), threading.Event(), shards.tensors

    def slow(*arguments: Any) -> Any:
        reading.set()
        assert go_on.wait(20)
        yield from read(*arguments)

    def worked(command: Command) -> dict[str, Any]:
        try:
            return _reply(command)
        finally:
            connection.close()

    monkeypatch.setattr(shards, "tensors", slow)
    monkeypatch.setattr(model_state, "PROGRESS_SECONDS", 0.0)
    refused = json.loads(_ask(owner, "cancel_load").reply)
    assert (refused["error_type"], refused["field"]) == ("conflict", "model_path")
    command = _ask(owner, "load_model")
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(worked, command)
        assert reading.wait(20)
        wait_for(lambda: ModelEntry.objects.get(slug="mine").state == "loading", "its state", 30)
        assert json.loads(_ask(stranger, "cancel_load").reply)["error_type"] == "conflict"
        other = _ask(stranger, "load_model")
        assert "Somebody else" in json.loads(_ask(owner, "cancel_load").reply)["message"]
        other.delete()
        assert json.loads(_ask(owner, "cancel_load").reply) == {
            "type": "load_cancelled", "model_path": "mine",
        }  # fmt: skip
        go_on.set()
        reply = answer.result(30)
    assert reply["success"] is False
    assert "cancelled" in reply["message"]
    assert ModelEntry.objects.get(slug="mine").state == "available"


def test_whoever_was_told_that_a_model_is_loaded_can_begin_at_once(owner: User) -> None:
    """The clean-up after dead workers comes between the loading and its worker's next heartbeat."""
    assert _reply(_ask(owner, "load_model"))["success"] is True
    registry.refresh_states()
    command = submit(
        COMMANDS,
        user=owner,
        channel="api",
        message={"type": "initialize", "model": "mine", "prompt": "hello", "gen_length": 8},
    )
    assert _reply(command)["type"] == "state_update"


def test_loading_what_is_held_says_so_in_its_row(owner: User) -> None:
    assert _reply(_ask(owner, "load_model"))["success"] is True
    ModelEntry.objects.filter(slug="mine").update(state="available", progress=0)
    assert _reply(_ask(owner, "load_model"))["success"] is True
    entry = ModelEntry.objects.get(slug="mine")
    assert (entry.state, entry.progress) == ("loaded", 1.0)


def test_what_this_worker_holds_can_be_used_whatever_its_row_says(owner: User) -> None:
    assert _reply(_ask(owner, "load_model"))["success"] is True
    ModelEntry.objects.filter(slug="mine").update(state="available")
    message = {"type": "initialize", "model": "mine", "prompt": "hello", "gen_length": 8}
    command = submit(COMMANDS, user=owner, channel="api", message=message)
    assert _reply(command)["type"] == "state_update"
