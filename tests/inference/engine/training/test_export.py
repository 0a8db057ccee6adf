"""What the trainer writes is a LLaDA checkpoint to the general loader."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors import safe_open

from inference.engine import forward
from inference.engine.checkpoint import load
from inference.engine.corpora.bpe import MASK
from inference.engine.training.export import export
from inference.engine.training.model import MaskPredictor
from inference.engine.training.run import Order, plan_of, shape_of, train
from inference.engine.training.task import Task
from inference.engine.training.tasks import TASKS

TASK = TASKS["addition"]


@pytest.fixture
def exported(tmp_path: Path) -> tuple[Path, MaskPredictor]:
    torch.manual_seed(3)
    tokenizer = TASK.tokenizer(0)
    model = MaskPredictor(shape_of(TASK, tokenizer, {}))
    export(tmp_path, TASK, model, tokenizer, training={"seed": 3})
    return tmp_path, model


def test_the_general_loader_gives_the_same_logits(exported: tuple[Path, MaskPredictor]) -> None:
    folder, model = exported
    loaded = load(folder, dtype=torch.float32)
    ids = torch.randint(0, model.shape.vocab_size, (4, 27), generator=torch.Generator())
    with torch.no_grad():
        for parameter in model.parameters():  # the file holds bf16
            parameter.copy_(parameter.to(torch.bfloat16).float())
        ours = model(ids)
    theirs = forward.logits_batch(loaded, ids)
    assert ours.abs().max() > 0.01
    assert torch.allclose(ours, theirs, atol=1e-5)


def test_training_attention_equals_serving_attention() -> None:
    model = MaskPredictor(shape_of(TASK, TASK.tokenizer(0), {}))
    ids = torch.randint(0, model.shape.vocab_size, (2, 27))
    with torch.autocast("cpu", torch.bfloat16):
        plain = model(ids).detach()
        with torch.no_grad():
            fused = model(ids)
    assert torch.allclose(plain, fused, atol=0.02)


def test_every_position_sees_every_other(exported: tuple[Path, MaskPredictor]) -> None:
    loaded = load(exported[0], dtype=torch.float32)
    ids = torch.zeros(1, 10, dtype=torch.long)
    changed = ids.clone()
    changed[0, -1] = 5
    first = forward.logits_batch(loaded, ids)[0, 0]
    assert not torch.allclose(first, forward.logits_batch(loaded, changed)[0, 0])


def test_the_directory_is_complete(exported: tuple[Path, MaskPredictor]) -> None:
    folder, _ = exported
    config = json.loads((folder / "config.json").read_text())
    assert config["model_type"] == "llada"
    assert "auto_map" not in config
    loaded = load(folder)
    assert loaded.dtype == torch.bfloat16
    assert loaded.tokenizer is not None
    assert loaded.spec.mask_id == loaded.tokenizer.id_of(MASK)
    assert loaded.spec.bos_id is None
    with safe_open(str(folder / "model.safetensors"), "pt") as file:
        assert {file.get_tensor(key).dtype for key in file.keys()} == {torch.bfloat16}  # noqa: SIM118
    sidecar = json.loads((folder / "unmask.json").read_text())
    assert sidecar["label"] == TASK.label
    assert sidecar["training"] == {"seed": 3}


@pytest.mark.parametrize("task", TASKS.values(), ids=lambda task: task.name)
def test_examples_fit_the_context(task: Task) -> None:
    tokenizer = task.tokenizer(0)
    for example in task.examples:
        ids = tokenizer.encode(example["prompt"], add_special_tokens=False).ids
        assert len(ids) + example.get("gen_length", 0) <= task.context
        assert tokenizer.decode(ids, skip_special_tokens=False).replace(" ", "") == example[
            "prompt"
        ].replace(" ", "")


def test_a_whole_training_and_its_resume(tmp_path: Path) -> None:
    train(TASK, tmp_path, Order(steps=3, seed=5))
    first = load(tmp_path).weights_hash
    sidecar = json.loads((tmp_path / "unmask.json").read_text())
    assert sidecar["training"]["steps"] == 3
    assert sidecar["training"]["seed"] == 5
    assert sidecar["quality"] == []
    train(TASK, tmp_path, Order(steps=6, seed=5, resume=True))
    assert load(tmp_path).weights_hash != first
    assert json.loads((tmp_path / "unmask.json").read_text())["training"]["steps"] == 6


def test_a_users_wishes_come_first() -> None:
    tokenizer = TASK.tokenizer(0)
    assert shape_of(TASK, tokenizer, {"width": 96}).mlp_width == 256
    assert shape_of(TASK, tokenizer, {"width": 96, "mlp_width": 32}).mlp_width == 32
    assert shape_of(TASK, tokenizer, {}).mlp_width == 176
    plan = plan_of(TASK, Order(minutes=9, batch_size=7, learning_rate=1e-3))
    assert (plan.budget.minutes, plan.batch_size, plan.optim.learning_rate) == (9, 7, 1e-3)
    assert plan_of(TASK, Order()).budget.minutes == TASK.recipe.minutes
