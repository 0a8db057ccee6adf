"""Loading in a worker: once, recorded, limited in time and memory, refused where it must be."""

from __future__ import annotations

import json
import os
import threading
import time
import weakref
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import torch
from django.db import OperationalError, connection
from pytest_django import Settings
from safetensors.torch import load_file, save_file

from inference import model_locations, registry, runtime
from inference.engine import checkpoint, forward, shards
from inference.engine.errors import CheckpointError
from inference.errors import UnmaskError
from inference.labels import labels
from inference.models import ModelEntry
from inference.runtime import devices, forwards, model_state, models
from inference.runtime import probe as probing
from inference.runtime.load_options import LoadOptions
from inference.runtime.model_files import weight_bytes
from tests.tiny import tiny_model

pytestmark = pytest.mark.django_db(transaction=True)
State = ModelEntry.State


@pytest.fixture
def entries(tmp_path: Path, settings: Settings) -> Iterator[dict[str, ModelEntry]]:
    """Three tiny models of different weights in MODELS_DIR; none is loaded before or after."""
    settings.MODELS_DIR = tmp_path
    settings.DEVICE = "cpu"
    torch.set_num_threads(1)
    for seed, name in enumerate(("a", "b", "c")):
        tiny_model(tmp_path / name, seed=seed)
    registry.sync_models()
    yield {name: registry.resolve(name) for name in ("a", "b", "c")}
    for slug in list(runtime.loaded()):
        runtime.unload(slug)
    runtime.cache().clear()


def _row(slug: str) -> ModelEntry:
    return ModelEntry.objects.get(slug=slug)


def test_loading_leaves_everything_that_pages_need(entries: dict[str, ModelEntry]) -> None:
    model = runtime.load(entries["a"])
    row = _row("a")
    assert (row.state, row.progress, row.device, row.error) == (State.LOADED, 1.0, "cpu", "")
    assert (row.family, row.context, row.mask_id) == ("llada", 160, model.spec.mask_id)
    assert (row.parameters, row.weights_hash) == (model.parameters, model.weights_hash)
    assert len(labels(row.vocabulary)) == model.spec.vocab_size
    assert row.vocabulary == (runtime.load(entries["b"]) and _row("b").vocabulary)


def test_many_callers_load_once(
    entries: dict[str, ModelEntry], monkeypatch: pytest.MonkeyPatch
) -> None:
    loads: list[str] = []
    load = checkpoint.load

    def counted(path: Path, *args: Any, **options: Any) -> Any:
        loads.append(path.name)
        return load(path, *args, **options)

    monkeypatch.setattr(checkpoint, "load", counted)

    def work(_: int) -> int:
        try:
            return id(runtime.load(entries["a"]))
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as pool:
        assert len(set(pool.map(work, range(6)))) == 1
    assert loads == ["a"]


def test_logits_are_those_of_the_engine_and_cached(entries: dict[str, ModelEntry]) -> None:
    model = runtime.load(entries["a"])
    ids, rows = [1, 2, model.spec.mask_id or 0, 3], [2]
    first = runtime.logits(model, ids, rows)
    again = runtime.logits(model, ids, rows)
    assert (first.cached, again.cached) == (False, True)
    assert torch.equal(first.tensor, forward.logits(model, ids, rows))
    assert torch.equal(first.tensor, again.tensor)
    other = runtime.logits(runtime.load(entries["b"]), ids, rows)
    assert not other.cached
    assert not torch.equal(first.tensor, other.tensor)


def test_unloading_forgets_the_logits(entries: dict[str, ModelEntry]) -> None:
    model = runtime.load(entries["a"])
    runtime.logits(model, [1, 2, 3], [0, 2])
    assert runtime.cache().stats()["entries"] == 1
    runtime.unload("a")
    assert runtime.cache().stats()["entries"] == 0
    assert _row("a").state == State.AVAILABLE


def test_a_sequence_beyond_the_context_is_the_users_error(entries: dict[str, ModelEntry]) -> None:
    model = runtime.load(entries["a"])
    with pytest.raises(UnmaskError) as caught:
        runtime.logits(model, [1] * 161, [0])
    assert (caught.value.error_type, caught.value.field) == ("validation", "gen_length")


def test_memory_is_made_by_giving_up_the_least_recently_used(
    entries: dict[str, ModelEntry], settings: Settings
) -> None:
    for name in ("a", "b"):
        runtime.load(entries[name])
    runtime.load(entries["a"])
    size = sum(
        file.stat().st_size for file in model_locations.directory(entries["a"]).glob("*.saf*")
    )
    settings.MODEL_MEMORY_BYTES = int(2.5 * size)
    runtime.load(entries["c"])
    assert runtime.loaded() == ["a", "c"]
    assert (_row("b").state, _row("a").state) == (State.AVAILABLE, State.LOADED)


def test_loading_beyond_its_time_is_a_time_out(
    entries: dict[str, ModelEntry], settings: Settings
) -> None:
    settings.LOAD_TIMEOUT = 0
    with pytest.raises(UnmaskError) as caught:
        runtime.load(entries["a"])
    assert caught.value.error_type == "timeout"
    assert (_row("a").state, _row("a").error) == (State.FAILED, caught.value.message)
    settings.LOAD_TIMEOUT = 60
    assert runtime.load(entries["a"])


def test_loading_can_be_cancelled(entries: dict[str, ModelEntry]) -> None:
    asked = threading.Event()
    asked.set()
    with pytest.raises(UnmaskError, match="cancelled"):
        runtime.load(entries["a"], cancel=asked.is_set)
    assert runtime.loaded() == []


def test_anybody_may_ask_for_the_end_of_a_loading(
    entries: dict[str, ModelEntry], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The web side writes the wish into the row; the loading worker reads it there."""
    assert not registry.cancel_load("a")  # nobody loads it
    read = shards.tensors

    def interrupted(*arguments: Any) -> Any:
        assert registry.cancel_load("a")
        time.sleep(2 * model_state.PROGRESS_SECONDS)
        yield from read(*arguments)

    monkeypatch.setattr(shards, "tensors", interrupted)
    with pytest.raises(UnmaskError, match="cancelled"):
        runtime.load(entries["a"])
    assert (_row("a").state, _row("a").cancel_requested) == (State.AVAILABLE, False)
    monkeypatch.undo()
    assert runtime.load(entries["a"])


def test_progress_is_told_in_bytes_and_by_bells(
    entries: dict[str, ModelEntry], monkeypatch: pytest.MonkeyPatch
) -> None:
    bells: list[dict[str, Any]] = []
    seen: list[tuple[float, int]] = []

    def ring(group: str, bell: dict[str, Any]) -> None:
        assert group == "models"
        bells.append(bell)
        seen.append((_row("a").progress, _row("a").bytes_loaded))

    monkeypatch.setattr(model_state, "send", ring)
    monkeypatch.setattr(model_state, "PROGRESS_SECONDS", 0.0)
    runtime.load(entries["a"])
    size = weight_bytes(model_locations.directory(entries["a"]))
    assert [bell["state"] for bell in bells] == ["loading"] * (len(bells) - 1) + ["loaded"]
    assert seen == sorted(seen)
    assert any(0 < loaded < size for _, loaded in seen)
    assert (_row("a").bytes_loaded, _row("a").bytes_total) == (size, size)


def test_progress_is_written_four_times_a_second_at_most(
    entries: dict[str, ModelEntry], django_assert_max_num_queries: Any
) -> None:
    progress = model_state.Progress("a", 1000)
    with django_assert_max_num_queries(3):
        for part in range(1000):
            progress(part / 1000)
            progress.cancelled()


def test_the_card_or_the_setting_names_the_precision(
    entries: dict[str, ModelEntry], settings: Settings
) -> None:
    settings.DTYPE = "bfloat16"
    assert runtime.load(entries["a"]).dtype == torch.bfloat16
    entries["b"].card["dtype"] = "float16"
    assert runtime.load(entries["b"]).dtype == torch.float16
    entries["c"].card["dtype"] = "float3"
    with pytest.raises(UnmaskError) as caught:
        runtime.load(entries["c"])
    assert (caught.value.error_type, caught.value.field) == ("model_loading", "dtype")


def _nan(folder: Path) -> None:
    state = load_file(folder / "model.safetensors")
    next(iter(state.values()))[0] = float("nan")
    save_file(state, folder / "model.safetensors", metadata={"format": "pt"})


def _config(folder: Path, **values: Any) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


FAULTS: dict[str, tuple[Any, str, str]] = {
    "NaN": (_nan, "not finite", "model"),
    "header": (
        lambda folder: (folder / "model.safetensors").write_bytes(b"\xff" * 100),
        "impossible size",
        "model_path",
    ),
    "mask": (lambda folder: _config(folder, mask_token_id=10**6), "outside", "mask_token_id"),
    "family": (
        lambda folder: _config(folder, model_type="gpt9", architectures=["Gpt9"]),
        "gpt9",
        "model_type",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_faulty_files_are_named_and_the_process_lives_on(
    fault: str, entries: dict[str, ModelEntry], settings: Settings
) -> None:
    spoil, message, field = FAULTS[fault]
    spoil(settings.MODELS_DIR / "a")
    with pytest.raises(UnmaskError) as caught:
        runtime.load(entries["a"])
    assert caught.value.error_type == "model_loading"
    assert message in caught.value.message
    assert (caught.value.field or "").startswith(field)
    assert (_row("a").state, _row("a").error) == (State.FAILED, caught.value.message)
    assert runtime.load(entries["b"])


def test_a_bad_checkpoint_fails_with_the_key_and_without_a_path(
    entries: dict[str, ModelEntry], settings: Settings
) -> None:
    config = settings.MODELS_DIR / "a" / "config.json"
    values = json.loads(config.read_text())
    config.write_text(json.dumps({**values, "d_model": 64}))
    with pytest.raises(UnmaskError) as caught:
        runtime.load(entries["a"])
    assert caught.value.error_type == "model_loading"
    assert "shape" in caught.value.message
    assert str(settings.MODELS_DIR) not in _row("a").error


def test_a_full_device_falls_back_to_the_cpu_with_a_warning(
    entries: dict[str, ModelEntry], settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    load = checkpoint.load

    def full(path: Path, device: torch.device, **options: Any) -> Any:
        if device.type != "cpu":
            raise torch.OutOfMemoryError("no room")
        return load(path, device, **options)

    settings.DEVICE = "meta"
    monkeypatch.setattr(checkpoint, "load", full)
    monkeypatch.setattr(models.devices, "memory", lambda device: 2**40)
    runtime.load(entries["a"])
    assert (_row("a").state, _row("a").device) == (State.LOADED, "cpu")
    assert "runs on the CPU. A step over 64 tokens took" in _row("a").error


@pytest.mark.parametrize("fallback", [True, False])
def test_the_cpu_takes_over_with_the_same_options_or_not_at_all(
    fallback: bool,
    entries: dict[str, ModelEntry],
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Neither precision nor quantization nor device map gets lost on the way."""
    asked: list[dict[str, Any]] = []

    def full(path: Path, device: torch.device, **options: Any) -> Any:
        asked.append({"device": device.type, **options})
        if device.type != "cpu":
            raise torch.OutOfMemoryError("no room")
        raise CheckpointError("int8 cannot be followed here.", "quantization")

    settings.DEVICE = "meta"
    monkeypatch.setattr(checkpoint, "load", full)
    monkeypatch.setattr(models.devices, "memory", lambda device: 2**40)
    option = {"quantization": "int8"} if fallback else {"device_map": "auto"}
    entries["a"].card |= {"dtype": "bfloat16", **option}
    with pytest.raises(UnmaskError) as caught:
        runtime.load(entries["a"])
    assert caught.value.field == next(iter(option))
    assert [row["device"] for row in asked] == (["meta", "cpu"] if fallback else ["meta"])
    for row in asked:
        assert {"dtype": "bfloat16", **option}.items() <= row.items()
    assert _row("a").state == State.FAILED


def _write_anew(directory: Path, seed: int = 9) -> None:
    tiny_model(directory, seed=seed)


def test_weights_that_were_written_anew_are_loaded_anew(
    entries: dict[str, ModelEntry], settings: Settings
) -> None:
    old = runtime.load(entries["a"])
    assert runtime.load(entries["a"]) is old
    _write_anew(settings.MODELS_DIR / "a")
    new = runtime.load(entries["a"])
    assert new.weights_hash != old.weights_hash
    assert _row("a").weights_hash == new.weights_hash
    assert runtime.get("a") is new


@pytest.mark.parametrize(
    "name", ["config.json", "tokenizer.json", "tokenizer_config.json", "generation_config.json"]
)
def test_any_file_that_was_written_anew_counts(
    name: str, entries: dict[str, ModelEntry], settings: Settings
) -> None:
    old = runtime.load(entries["a"])
    path = settings.MODELS_DIR / "a" / name
    path.write_text(path.read_text() + " " if path.exists() else "{}")
    new = runtime.load(entries["a"])
    assert new is not old
    assert runtime.load(entries["a"]) is new


def test_another_card_loads_the_model_as_it_says(entries: dict[str, ModelEntry]) -> None:
    assert runtime.load(entries["a"]).dtype == torch.float32
    entries["a"].card["dtype"] = "bfloat16"
    assert runtime.load(entries["a"]).dtype == torch.bfloat16


def test_sessions_under_way_keep_the_weights_that_they_began_with(
    entries: dict[str, ModelEntry], settings: Settings
) -> None:
    old = runtime.load(entries["a"])
    _write_anew(settings.MODELS_DIR / "a")
    assert runtime.load(entries["a"], weights=old.weights_hash) is old
    new = runtime.load(entries["a"])
    assert runtime.load(entries["a"], weights=old.weights_hash) is old
    assert runtime.load(entries["a"], weights=new.weights_hash) is new
    assert runtime.load(entries["a"], weights="f" * 64) is new
    gone = weakref.ref(old)
    del old
    runtime.unload("a")
    assert gone() is None


def test_former_weights_are_the_first_to_go_when_memory_is_short(
    entries: dict[str, ModelEntry], settings: Settings
) -> None:
    former = runtime.load(entries["a"]).weights_hash
    _write_anew(settings.MODELS_DIR / "a")
    runtime.load(entries["a"])
    size = weight_bytes(model_locations.directory(entries["a"]))
    settings.MODEL_MEMORY_BYTES = int(2.5 * size)
    runtime.load(entries["b"])
    assert runtime.loaded() == ["a", "b"]
    assert runtime.load(entries["a"], weights=former).weights_hash != former


def test_files_that_broke_meanwhile_are_told_and_sessions_go_on(
    entries: dict[str, ModelEntry], settings: Settings
) -> None:
    old = runtime.load(entries["a"])
    (settings.MODELS_DIR / "a" / "model.safetensors").write_bytes(b"\xff" * 50)
    with pytest.raises(UnmaskError, match="refused"):
        runtime.load(entries["a"])
    assert runtime.load(entries["a"], weights=old.weights_hash) is old


def test_only_the_files_that_are_loaded_count_as_bytes(
    entries: dict[str, ModelEntry], settings: Settings
) -> None:
    folder = settings.MODELS_DIR / "a"
    (folder / "adapter_model.safetensors").write_bytes(b"x" * 10_000)
    runtime.load(entries["a"])
    assert _row("a").bytes_total == (folder / "model.safetensors").stat().st_size


def test_a_model_that_reads_no_text_fails_at_loading(
    entries: dict[str, ModelEntry], settings: Settings
) -> None:
    (settings.MODELS_DIR / "a" / "tokenizer.json").unlink()
    with pytest.raises(UnmaskError, match=r"no tokenizer\.json") as caught:
        runtime.load(entries["a"])
    assert (caught.value.error_type, caught.value.field) == ("model_loading", "tokenizer.json")


def test_a_pipe_in_place_of_the_weights_is_refused_within_the_time_to_load(
    entries: dict[str, ModelEntry], settings: Settings
) -> None:
    weights = settings.MODELS_DIR / "a" / "model.safetensors"
    weights.unlink()
    os.mkfifo(weights)
    started = time.monotonic()
    with pytest.raises(UnmaskError) as caught:
        runtime.load(entries["a"])
    assert caught.value.error_type == "model_loading"
    assert time.monotonic() - started < 30


def test_the_first_look_has_no_more_time_than_loading(
    entries: dict[str, ModelEntry], settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    stalls = settings.MODELS_DIR / "stalls.py"
    stalls.write_text("import time; time.sleep(60)")
    monkeypatch.setattr(probing, "CHILD", stalls)
    settings.LOAD_TIMEOUT = 1
    started = time.monotonic()
    with pytest.raises(UnmaskError) as caught:
        runtime.load(entries["a"])
    assert caught.value.error_type in ("timeout", "model_loading")
    assert time.monotonic() - started < 20


@pytest.mark.parametrize("end", [SystemExit, BaseException])
def test_work_that_would_end_its_thread_is_a_terminal_error(
    end: type[BaseException], entries: dict[str, ModelEntry], monkeypatch: pytest.MonkeyPatch
) -> None:
    model = runtime.load(entries["a"])

    def leave(*_: Any) -> Any:
        raise end

    monkeypatch.setattr(forward, "forward_many", leave)
    with pytest.raises(UnmaskError) as caught:
        runtime.logits(model, [1, 2], [0])
    assert caught.value.error_type == "generation"
    monkeypatch.undo()
    assert runtime.logits(model, [1, 2], [0]).tensor.shape[0] == 1
    monkeypatch.setattr(checkpoint, "load", leave)
    with pytest.raises(UnmaskError):
        runtime.load(entries["b"])
    assert _row("b").state == State.FAILED


def test_numbers_that_are_not_finite_name_their_position(entries: dict[str, ModelEntry]) -> None:
    model = runtime.load(entries["a"])
    with torch.no_grad():
        model.model.model.norm.weight[0] = float("nan")
    with pytest.raises(UnmaskError, match="not finite at position 3") as caught:
        runtime.logits(model, [1, 2, 3, 4, 5], [3, 4])
    assert (caught.value.error_type, caught.value.field) == ("generation", None)
    assert runtime.cache().stats()["entries"] == 0


def test_a_model_that_moves_to_the_cpu_goes_on_whoever_can_be_told(
    entries: dict[str, ModelEntry], monkeypatch: pytest.MonkeyPatch
) -> None:
    def locked(*_: object) -> None:
        raise OperationalError("database is locked")

    model = runtime.load(entries["a"])
    model.device = torch.device("meta")
    monkeypatch.setattr(model_state, "warn", locked)
    assert forwards._rescue(model, torch.OutOfMemoryError("no room"))
    assert model.device == devices.CPU


def test_a_model_that_its_card_spreads_is_not_gathered_on_the_cpu(
    entries: dict[str, ModelEntry],
) -> None:
    """The lack of memory is told instead."""
    model = runtime.load(entries["a"])
    model.device, model.device_map = torch.device("meta"), "auto"
    assert not forwards._rescue(model, torch.OutOfMemoryError("no room"))
    assert model.device == torch.device("meta")
    model.device_map = {"": "meta"}
    assert forwards._rescue(model, torch.OutOfMemoryError("no room"))


def test_a_pace_that_cannot_be_measured_spoils_no_loading(
    entries: dict[str, ModelEntry], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(forward, "forward_many", full)
    assert "could not be measured" in forwards.pace(runtime.load(entries["a"]))


def test_weights_are_gone_when_their_memory_is_given_back(
    entries: dict[str, ModelEntry], monkeypatch: pytest.MonkeyPatch
) -> None:
    model = runtime.load(entries["a"])
    runtime.logits(model, [1, 2], [0])
    gone, left = weakref.ref(model), []
    del model
    monkeypatch.setattr(devices, "release", lambda: left.append(gone()))
    runtime.unload("a")
    assert left == [None]


def test_lack_of_memory_on_the_cpu_is_said_plainly(
    entries: dict[str, ModelEntry], monkeypatch: pytest.MonkeyPatch
) -> None:
    model = runtime.load(entries["a"])

    def full(*args: Any) -> Any:
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried 1 byte")

    monkeypatch.setattr(forward, "forward_many", full)
    with pytest.raises(UnmaskError, match="does not fit into memory"):
        runtime.logits(model, [1, 2], [0])


def test_an_unexpected_failure_is_not_repeated_to_the_user(
    entries: dict[str, ModelEntry], monkeypatch: pytest.MonkeyPatch
) -> None:
    model = runtime.load(entries["a"])

    def broken(*args: Any) -> Any:
        raise KeyError("the user's secret prompt")

    monkeypatch.setattr(forward, "forward_many", broken)
    with pytest.raises(UnmaskError) as caught:
        runtime.logits(model, [1, 2], [0])
    assert caught.value.error_type == "generation"
    assert "secret" not in caught.value.message


def test_the_device_is_the_asked_for(settings: Settings) -> None:
    settings.DEVICE = "cpu"
    assert devices.preferred() == devices.CPU
    settings.DEVICE = "auto"
    assert devices.preferred().type in ("cpu", "cuda")
    assert devices.memory(devices.CPU) > 2**28


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("device_map", "everywhere"),
        ("device_map", 3),
        ("device_map", {"": "toaster"}),
        ("quantization", "int2"),
        ("quantization", ["int8"]),
        ("quantization", "int8"),  # torchao is not among the requirements
        ("device_map", "auto"),  # nor is accelerate
    ],
)
def test_what_a_card_asks_of_loading_is_checked(
    entries: dict[str, ModelEntry], option: str, value: Any
) -> None:
    entries["a"].card = {option: value}
    with pytest.raises(UnmaskError) as refused:
        runtime.load(entries["a"])
    assert (refused.value.error_type, refused.value.field) == ("model_loading", option)
    assert _row("a").state == State.FAILED


def test_a_card_may_put_a_model_on_a_device_of_its_own(
    entries: dict[str, ModelEntry], settings: Settings
) -> None:
    entries["a"].card = {"device_map": {"": "cpu"}, "dtype": "bfloat16"}
    model = runtime.load(entries["a"])
    assert (model.device.type, model.dtype) == ("cpu", torch.bfloat16)
    assert _row("a").error == ""


def _adapted(root: Path, name: str, base: str) -> ModelEntry:
    """The folder of an adapter, as far as it is looked at before it is opened, and its row."""
    (root / name).mkdir()
    config = {"model_type": "block_llama", "adapter": {"base": base, "sha256": "0" * 64, "rank": 1}}
    (root / name / "config.json").write_text(json.dumps(config))
    save_file({"mask": torch.ones(1)}, root / name / "adapter.safetensors")
    registry.sync_models()
    return _row(name)


def test_adapters_of_each_other_are_refused(
    entries: dict[str, ModelEntry], settings: Settings
) -> None:
    one, other = (_adapted(settings.MODELS_DIR, *names) for names in (("x", "y"), ("y", "x")))
    registry.sync_models()
    for entry in (one, other):
        with pytest.raises(UnmaskError, match="adapter of an adapter") as caught:
            runtime.load(entry)
        assert (caught.value.error_type, caught.value.field) == ("model_loading", "adapter.base")


def test_an_adapters_base_is_looked_at_first_in_a_child_too(
    entries: dict[str, ModelEntry], settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The base is somebody else's, too."""
    entry = _adapted(settings.MODELS_DIR, "x", "a")
    (settings.MODELS_DIR / "a" / "tokenizer.json").write_text("{")
    monkeypatch.setattr(LoadOptions, "load", lambda *args, **kwargs: pytest.fail("it was opened"))
    with pytest.raises(UnmaskError, match=r"refused: tokenizer\.json"):
        runtime.load(entry)


def test_weights_of_the_same_size_and_time_are_loaded_anew(
    entries: dict[str, ModelEntry], settings: Settings
) -> None:
    """As unpacking and copying leave them: written over in place, the old time set again."""
    old = runtime.load(entries["a"])
    path = settings.MODELS_DIR / "a" / "model.safetensors"
    before = path.stat()
    path.write_bytes((settings.MODELS_DIR / "b" / "model.safetensors").read_bytes())
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    after = path.stat()
    assert (after.st_size, after.st_mtime_ns, after.st_ino) == (
        before.st_size, before.st_mtime_ns, before.st_ino
    )  # fmt: skip
    assert runtime.load(entries["a"]).weights_hash != old.weights_hash
