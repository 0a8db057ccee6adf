"""How models are loaded: as the worker's settings say, or as a record says, or not at all."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from pytest_django import Settings

from inference.engine import placement, weights
from inference.engine.errors import CheckpointError
from inference.errors import UnmaskError
from inference.runtime import precision
from inference.runtime.load_options import AUTO, LoadOptions, options_for, options_of
from tests.inference.engine.models import CONFIGS, write_config, write_model
from tests.tiny import tiny_model

CPU = torch.device("cpu")


@pytest.fixture
def data(tmp_path: Path, settings: Settings) -> Path:
    settings.DATA_DIR = tmp_path / "data"
    settings.DATA_DIR.mkdir()
    settings.DEVICE = "cpu"
    return tmp_path / "data"


@pytest.fixture
def half(tmp_path: Path) -> Path:
    """A checkpoint whose own precision is bfloat16."""
    folder = tiny_model(tmp_path / "half")
    write_config(folder, torch_dtype="bfloat16")
    return folder


def _measured(monkeypatch: pytest.MonkeyPatch, single: float, other: float) -> list[str]:
    """Measurements that find these seconds; answers the list of those that were made."""
    made: list[str] = []

    def timed(config: Any, own: torch.dtype) -> dict[str, float]:
        made.append(str(own))
        return {"float32": single, "bfloat16": other}

    monkeypatch.setattr(precision, "_timed", timed)
    return made


def test_settings_and_card_name_the_options(settings: Settings) -> None:
    settings.DEVICE, settings.DTYPE = "cpu", "auto"
    assert options_for({}) == LoadOptions(CPU, AUTO)
    assert options_for({"dtype": "float16"}) == LoadOptions(CPU, "float16")
    settings.DTYPE = "bfloat16"
    card = {"quantization": "int8", "device_map": {"": "cpu"}}
    assert options_for(card) == LoadOptions(CPU, "bfloat16", "int8", {"": "cpu"})
    settings.DEVICE, settings.DTYPE = "meta", "auto"
    assert options_for({}) == LoadOptions(torch.device("meta"), None)


@pytest.mark.parametrize(
    ("patience", "rounds"), [(0.0, precision.LEAST_ROUNDS), (1e9, precision.ROUNDS)]
)
def test_a_slow_machine_measures_fewer_rounds(
    half: Path, monkeypatch: pytest.MonkeyPatch, patience: float, rounds: int
) -> None:
    made: list[Any] = []
    monkeypatch.setattr(precision, "ENOUGH_SECONDS", patience)
    monkeypatch.setattr(precision, "_forward_seconds", lambda *of: made.append(of) or 1.0)
    config = json.loads((half / "config.json").read_text())
    assert precision._timed(config, torch.bfloat16) == {"float32": 1.0, "bfloat16": 1.0}
    assert len(made) == 2 * rounds


@pytest.mark.parametrize(("small", "threads"), [(10**9, 1), (0, 2)])
def test_precisions_are_timed_by_the_threads_that_a_forward_has(
    small: int, threads: int, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.TORCH_THREADS = 2
    before, seen = torch.get_num_threads(), set[int]()
    monkeypatch.setattr("inference.engine.threads.SMALL_MODEL", small)
    monkeypatch.setattr(
        precision, "_forward_seconds", lambda *_: seen.add(torch.get_num_threads()) or 1.0
    )
    try:
        precision._timed(CONFIGS["llada"], torch.bfloat16)
        assert (seen, torch.get_num_threads()) == ({threads}, 2)
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize(
    ("single", "other", "chosen"),
    [
        (1.0, 0.5, torch.bfloat16),
        (1.0, 0.9, torch.float32),  # not worth it
        (0.5, 1.0, torch.float32),
        (0.001, 0.0001, torch.float32),  # quick enough to be exact
    ],
)
def test_auto_takes_what_was_measured_to_be_quicker(
    single: float, other: float, chosen: torch.dtype,
    data: Path, half: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    made = _measured(monkeypatch, single, other)
    assert options_for({}).load(half).dtype == chosen
    assert options_for({}).load(half).dtype == chosen
    assert len(made) == 1  # the second time it is known
    assert len(json.loads((data / "precision.json").read_text())) == 1


def test_another_shape_is_measured_anew_and_other_weights_are_not(
    data: Path, half: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = _measured(monkeypatch, 1.0, 0.5)
    options_for({}).load(half)
    same = tiny_model(tmp_path / "same", seed=5)
    write_config(same, torch_dtype="bfloat16")
    options_for({}).load(same)
    assert len(made) == 1
    wide = tiny_model(tmp_path / "wide", width=64)
    write_config(wide, torch_dtype="bfloat16")
    options_for({}).load(wide)
    assert len(made) == 2


def test_a_checkpoint_in_float32_is_never_measured(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = _measured(monkeypatch, 1.0, 0.1)
    assert options_for({}).load(tiny_model(tmp_path / "m")).dtype == torch.float32
    assert made == []


def test_the_measurement_is_real(data: Path, half: Path) -> None:
    options_for({}).load(half)
    rows = json.loads((data / "precision.json").read_text())
    assert all(set(row) == {"float32", "bfloat16"} for row in rows.values())
    assert all(seconds > 0 for row in rows.values() for seconds in row.values())


@pytest.mark.parametrize("content", ["", "[]", "{", '{"a": 1}', '{"a": {"float32": "x"}}'])
def test_a_spoilt_file_is_measured_again(
    content: str, data: Path, half: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (data / "precision.json").write_text(content)
    made = _measured(monkeypatch, 1.0, 0.5)
    assert options_for({}).load(half).dtype == torch.bfloat16
    assert len(made) == 1


def test_nothing_is_built_from_sizes_that_the_files_do_not_have(
    data: Path, half: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(precision, "construct", lambda *_: pytest.fail("it was built"))
    write_config(half, d_model=4096)
    with pytest.raises(CheckpointError, match="shape"):
        options_for({}).load(half)


@pytest.mark.parametrize(
    ("instructions", "fits", "chosen"),
    [
        (True, True, torch.bfloat16),
        (False, True, torch.float32),
        (False, False, torch.bfloat16),
    ],
)
def test_large_models_go_by_the_processors_instructions_and_the_memory(
    instructions: bool, fits: bool, chosen: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(precision, "has_instructions", lambda dtype: instructions)
    monkeypatch.setattr(precision, "_fits", lambda size: fits)
    assert precision.automatic(CONFIGS["llada"], torch.bfloat16, 8 * 10**9) == chosen


def test_a_family_without_a_plain_forward_goes_by_the_instructions(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(precision, "has_instructions", lambda dtype: True)
    chosen = precision.automatic(CONFIGS["diffusion_gemma"], torch.bfloat16, 1000)
    assert chosen == torch.bfloat16


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
def test_a_record_names_the_precision(dtype: str, data: Path, half: Path) -> None:
    options = options_of({"dtype": dtype, "device": "cpu"})
    assert str(options.load(half).dtype) == f"torch.{dtype}"


def test_a_record_that_says_nothing_is_loaded_as_a_worker_would(
    data: Path, settings: Settings
) -> None:
    assert options_of({}) == LoadOptions(CPU, AUTO)
    settings.DTYPE = "bfloat16"
    assert options_of({}) == LoadOptions(CPU, "bfloat16")


def test_quantization_and_device_map_of_a_record_are_followed_or_refused(
    data: Path, half: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = {"dtype": "bfloat16", "quantization": "int8", "device_map": {"": "cpu"}}
    options = options_of(record)
    assert (options.quantization, options.device_map) == ("int8", {"": "cpu"})
    monkeypatch.setattr(placement, "find_spec", lambda name: None)
    with pytest.raises(CheckpointError, match="needs the package torchao"):
        options.load(half)


@pytest.mark.parametrize(
    ("record", "field"),
    [
        ({"dtype": "int3"}, "model.dtype"),
        ({"dtype": None}, "model.dtype"),
        ({"dtype": ["float32"]}, "model.dtype"),
        ({"device": "toaster"}, "model.device"),
        ({"device": ["cpu"]}, "model.device"),
    ],
)
def test_nonsense_in_a_record_is_named(record: dict[str, Any], field: str, data: Path) -> None:
    with pytest.raises(UnmaskError) as caught:
        options_of(record)
    assert caught.value.field == field


def test_a_record_of_a_gpu_is_refused_without_one_unless_somebody_wants_another_device(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(UnmaskError, match="--device cpu") as caught:
        options_of({"device": "cuda", "dtype": "float32"})
    assert caught.value.field == "model.device"
    assert options_of({"device": "cuda", "dtype": "float32"}, "cpu").device == CPU


def test_plans_count_parameters_once(tmp_path: Path) -> None:
    """What is measured is what is loaded."""
    folder = write_model(tmp_path, "llada-tied")
    seen: list[int] = []
    make = weights.plan

    def planned(*arguments: Any) -> Any:
        made = make(*arguments)
        seen.append(made.parameters)
        return made

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("inference.engine.checkpoint.plan", planned)
        from inference.engine import checkpoint

        assert checkpoint.load(folder).parameters == seen[0]
