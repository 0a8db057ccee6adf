"""The shipped models: complete, within the size limit, and as good as their cards say."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

import inference
from inference.engine.checkpoint import LoadedModel, load
from inference.engine.corpora.library import LIBRARY
from inference.engine.open_model import open_files
from inference.engine.training import waiting_line_task
from inference.engine.training.decode import Settings
from inference.engine.training.evaluation import Row, measure, native_tokenizer
from inference.engine.training.tasks import TASKS
from inference.engine.training.texts.words import judge_words
from inference.packages import PACKAGED

SHIPPED = Path(inference.__file__).parent / "shipped"
CONFIGS = {file.parent.name: json.loads(file.read_text()) for file in SHIPPED.glob("*/config.json")}
NAMES = sorted(name for name, config in CONFIGS.items() if "adapter" not in config)
ADAPTERS = sorted(set(CONFIGS) - set(NAMES))
CAUSAL = ["characters"]
DIFFUSION = [name for name in NAMES if name not in CAUSAL]
FILES = {
    "README.md",
    "config.json",
    "model.safetensors",
    "tokenizer.json",
    "tokenizer_config.json",
    "unmask.json",
}


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def sidecar(name: str) -> dict[str, Any]:
    data: dict[str, Any] = json.loads((SHIPPED / name / "unmask.json").read_text())
    return data


def loaded(name: str) -> LoadedModel:
    return load(SHIPPED / name, dtype=torch.float32)


def measured(name: str, recipe: str, count: int, **settings: Any) -> Row:
    model = loaded(name)
    cases = TASKS[name].cases(native_tokenizer(model), count, 4)
    return measure(model, cases, Settings(recipe, **settings))


def test_the_expected_models_are_shipped() -> None:
    assert {"stories", "addition", "sudoku", "characters"} <= set(NAMES)


def test_all_of_them_together_are_small() -> None:
    size = sum(file.stat().st_size for name in NAMES for file in (SHIPPED / name).iterdir())
    assert size <= 10_000_000


@pytest.mark.parametrize("name", ADAPTERS)
def test_an_adapter_is_small_and_says_whose_it_is(name: str) -> None:
    folder, data, config = SHIPPED / name, sidecar(name), CONFIGS[name]
    files = {file.name for file in folder.iterdir()}
    assert files == {"README.md", "adapter.safetensors", "config.json", "unmask.json"}
    assert sum(file.stat().st_size for file in folder.iterdir()) <= 12_000_000
    assert data["kind"] == "diffusion"
    assert data["license"] == PACKAGED[config["adapter"]["base"]].card["license"]
    assert data["training"]["base"] == config["adapter"]["base"]
    assert data["training"]["sha256"] == config["adapter"]["sha256"]
    assert data["chat"]
    assert data["examples"]
    card, quality = (folder / "README.md").read_text(), data["quality"]
    assert data["training"]["command"] in card
    assert all(f"{v:.3f}" in card for row in quality["bounds"].values() for v in row.values())
    assert quality["bounds"]["after"]["bound"] < quality["bounds"]["before"]["bound"]
    assert all(f"{row['right']} of {row['asked']}" in card for row in quality["answers"].values())


@pytest.mark.parametrize("name", ADAPTERS)
def test_an_adapter_fits_the_package_of_its_base(name: str) -> None:
    base = PACKAGED[CONFIGS[name]["adapter"]["base"]]
    if base.file() is None:
        pytest.skip(f"{base.command} brings the base")
    files = open_files(SHIPPED / name)
    assert files.config["mask_token_id"] == CONFIGS[name]["mask_token_id"]


@pytest.mark.parametrize("name", NAMES)
def test_a_directory_is_complete(name: str) -> None:
    assert {file.name for file in (SHIPPED / name).iterdir()} == FILES
    data = sidecar(name)
    assert data["label"]
    assert data["trained_on"].startswith("Trained only on")
    assert data["examples"]
    command = "train_text --kind" if name in CAUSAL else "train_diffusion --task"
    assert data["training"]["command"].startswith(f"python manage.py {command}")


@pytest.mark.parametrize("name", DIFFUSION)
def test_the_card_of_one_that_denoises(name: str) -> None:
    data, config = sidecar(name), json.loads((SHIPPED / name / "config.json").read_text())
    assert data["kind"] == "diffusion"
    assert data["context"] == config["max_sequence_length"]
    usual = {"recipe", "tokens_per_step", "temperature", "block_length"}
    assert set(data["decoding"]) - {"eos_last"} == usual


@pytest.mark.parametrize("name", NAMES)
def test_examples_fit_and_their_special_tokens_are_understood(name: str) -> None:
    model = loaded(name)
    assert model.tokenizer is not None
    for example in sidecar(name)["examples"]:
        ids = model.tokenizer.encode(
            example["prompt"], special=example.get("special_tokens", False)
        )
        assert len(ids) + example.get("gen_length", 0) <= model.context
        if example.get("special_tokens"):
            assert ids.count(model.spec.mask_id) == example["prompt"].count("<|mdm_mask|>") > 0


@pytest.mark.parametrize("name", DIFFUSION)
def test_the_card_shows_what_the_sidecar_holds(name: str) -> None:
    data, card = sidecar(name), (SHIPPED / name / "README.md").read_text()
    assert data["quality"]
    for entry in data["quality"]:
        assert entry["cases"] >= 40
        assert entry["command"] in card
        assert all(f"{m:.3f}" in card for row in entry["rows"] for m in row["marks"].values())


def test_the_default_model_has_room_for_the_documented_examples() -> None:
    model = loaded("stories")
    assert model.tokenizer is not None
    ids = model.tokenizer.encode("The future of artificial intelligence is")
    assert len(ids) + 128 <= model.context


def test_stories_are_told() -> None:
    row = measured("stories", "llada/low_confidence", 6, block_length=16)
    assert row.marks["grammar"] >= 0.9
    assert row.marks["plot"] >= 0.5


def test_stories_need_the_right_order() -> None:
    confident = measured("stories", "llada/low_confidence", 4)
    hasty = measured("stories", "llada/low_confidence", 4, steps=4)
    assert confident.marks["grammar"] > hasty.marks["grammar"]


def test_sums_are_right_in_the_order_of_confidence_and_not_from_the_left() -> None:
    assert measured("addition", "llada/low_confidence", 40).marks["exact"] >= 0.95
    assert measured("addition", "rank/left_to_right", 40).marks["exact"] <= 0.85


def test_puzzles_are_solved_in_the_order_of_confidence_and_not_at_random() -> None:
    assert measured("sudoku", "llada/low_confidence", 10).marks["exact"] >= 0.9
    assert measured("sudoku", "llada/random", 10).marks["exact"] <= 0.5


@pytest.mark.parametrize("name", CAUSAL)
def test_a_model_of_characters_writes_words_that_its_text_knows(name: str) -> None:
    data, card = sidecar(name), (SHIPPED / name / "README.md").read_text()
    model = loaded(name)
    text = LIBRARY["stories"].read(0)
    assert hashlib.sha256(text.encode()).hexdigest() == data["training"]["corpus_hash"]
    report = judge_words(model, text, data["examples"][0]["prompt"], samples=4)
    assert report.written > 20
    assert report.known >= 0.95
    assert data["quality"]["words"]["known"] >= 0.95
    assert f"{data['quality']['words']['known']:.1%}" in card
    assert data["training"]["command"] in card


def test_lines_are_copied_and_sorted_at_once_but_shuffled_one_by_one() -> None:
    model = loaded("waiting_line")

    def right(operation: str, steps: int) -> float:
        cases = waiting_line_task.cases_of(operation, native_tokenizer(model), 20, 4)
        settings = Settings("llada/low_confidence", steps, temperature=1.0)
        return measure(model, cases, settings).marks["exact"]

    assert min(right("copy", 1), right("sort", 1)) >= 0.85
    assert right("shuffle", 0) >= 0.9
    assert right("shuffle", 1) <= 0.2  # perfect models: 6! / 6^6 = 0.015
