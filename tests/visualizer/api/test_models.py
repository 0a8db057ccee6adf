"""`models`: the list, loading on a device, unloading, and the account's own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import override_settings

from inference import registry, runtime
from inference.runtime import devices
from inference.worker import heartbeat
from tests.tiny import tiny_model

pytestmark = pytest.mark.usefixtures("worker")


def test_models_are_listed_with_what_is_known_of_them(ask: Any) -> None:
    listed = {model["id"]: model for model in ask.get("models").json()["models"]}
    assert {"stories", "addition", "sudoku", "infill", "GSAI-ML/LLaDA-8B-Instruct"} <= listed.keys()
    assert listed["stories"]["current"]
    assert listed["infill"]["finds_lengths"]
    assert not listed["stories"]["finds_lengths"]
    assert listed["GSAI-ML/LLaDA-8B-Instruct"]["state"] == "absent"


def test_loading_makes_a_model_the_account_s_own(ask: Any, ask_as: Any, stranger: User) -> None:
    told = ask.post("models/addition/load", device="cpu").json()
    assert (told["success"], told["model"]["loaded"]) == (True, True)
    assert told["model"]["device"] == "cpu"
    assert ask.get("models/current").json()["id"] == "addition"
    assert ask_as(stranger).get("models/current").json()["id"] == "stories"
    asked = {"prompt": "12+34=", "max_new_tokens": 4}
    assert ask.post("generate", **asked).json()["model_used"] == "addition"


def test_without_a_body_a_model_is_loaded_where_the_site_says(ask: Any) -> None:
    assert ask.send("models/stories/load", b"").json()["success"]


@pytest.mark.skipif(devices.preferred().type == "cuda", reason="there is a GPU")
def test_a_device_that_is_not_there_is_refused(ask: Any) -> None:
    told = ask.post("models/stories/load", device="cuda")
    assert (told.status_code, told.json()["field"]) == (400, "device")


@pytest.mark.parametrize("device", ["tpu", 1, None, ["cpu"]])
def test_odd_devices_are_refused(ask: Any, device: Any) -> None:
    told = ask.post("models/stories/load", device=device)
    assert (told.status_code, told.json()["field"]) == (422, "device")


@pytest.mark.parametrize("id", ["nobody", "a/b/c", "..%2f..%2fetc", "%00"])
@pytest.mark.parametrize("what", ["load", "unload"])
def test_unknown_models_are_not_found(ask: Any, id: str, what: str) -> None:
    told = ask.post(f"models/{id}/{what}")
    assert (told.status_code, told.json()["error_type"]) == (404, "not_found")


def test_a_model_without_files_says_what_to_do(ask: Any) -> None:
    told = ask.post("models/GSAI-ML/LLaDA-8B-Instruct/load")
    assert (told.status_code, told.json()["error_type"]) == (503, "model_unavailable")
    assert "MODELS_DIR" in told.json()["message"]


def test_workers_give_a_model_up_when_asked(ask: Any) -> None:
    ask.post("models/sudoku/load")
    heartbeat.beat()
    assert registry.is_held("sudoku")
    registry.request_unload("sudoku")
    heartbeat.unload_on_request()
    assert not registry.is_held("sudoku")
    assert "sudoku" not in runtime.loaded()
    told = ask.post("models/sudoku/unload").json()
    assert (told["success"], told["model"]["state"]) == (True, "available")
    assert ask.post("models/sudoku/load").json()["model"]["loaded"]
    heartbeat.unload_on_request()
    assert "sudoku" in runtime.loaded()


@override_settings(EMBEDDED=False, REDIS_URL="redis://127.0.0.1:1/0")
def test_on_a_site_only_staff_unloads(ask: Any, owner: User) -> None:
    assert ask.post("models/addition/unload").status_code == 401
    User.objects.filter(pk=owner.pk).update(is_staff=True)
    assert ask.post("models/addition/unload").status_code == 200


def test_a_broken_checkpoint_says_that_loading_failed(
    ask: Any, settings: Any, tmp_path: Path
) -> None:
    settings.MODELS_DIR = tmp_path
    weights = tiny_model(tmp_path / "broken") / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1000])
    registry.sync_models()
    told = ask.post("models/broken/load")
    assert (told.status_code, told.json()["error_type"]) == (503, "model_loading")
    assert str(tmp_path) not in told.content.decode()
    shown = {model["id"]: model for model in ask.get("models").json()["models"]}
    assert (shown["broken"]["state"], shown["broken"]["loaded"]) == ("failed", False)
    assert shown["broken"]["error"]
