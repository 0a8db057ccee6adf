"""GGUF files as models, against transformers' own reading of them."""

from __future__ import annotations

from pathlib import Path

import gguf
import pytest
import torch
import transformers
from gguf import GGMLQuantizationType as Kind

from inference.engine import checkpoint
from inference.engine.causal.engine import CausalEngine
from inference.engine.errors import CheckpointError
from inference.engine.gguf.header import KINDS, read_header
from inference.engine.gguf.tokenizer import tokenizer_data
from inference.engine.tokenization import Tokenizer
from tests.inference.engine.gguf import files
from tests.inference.engine.gguf.files import NORMS, shapes, vocabulary, write_gguf

TEXT = "hello world, it's 1987: naïve 漢字 😀\n\n  two  <|im_end|>"


def theirs(path: Path) -> transformers.PreTrainedModel:
    """The model as transformers reads it, in float32."""
    with pytest.MonkeyPatch.context() as patch:
        # it asks for a package that it then does without
        patch.setattr("transformers.modeling_utils.is_accelerate_available", lambda: True)
        return transformers.AutoModelForCausalLM.from_pretrained(
            path.parent,
            gguf_file=path.name,
            dtype=torch.float32,
            attn_implementation="eager" if "gemma2" in path.name else "sdpa",
        ).eval()


def logits_of(model: torch.nn.Module, length: int = 20) -> torch.Tensor:
    ids = torch.arange(3, 3 + length)[None]
    with torch.inference_mode():
        return model(ids).logits


@pytest.mark.parametrize("architecture", NORMS)
def test_logits_are_those_of_transformers(architecture: str, tmp_path: Path) -> None:
    path = write_gguf(tmp_path / f"{architecture}.gguf", architecture)
    mine = checkpoint.load(path, dtype="float32")
    difference = logits_of(mine.model) - logits_of(theirs(path))
    assert logits_of(mine.model).std() > 0.1
    assert difference.abs().max() < 1e-4


LLAMA3 = {
    "rope_type": "llama3",
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 8192,
}


@pytest.mark.parametrize("factor", [8.0, 32.0])
def test_factors_of_frequencies_are_those_of_llama_3(factor: float, tmp_path: Path) -> None:
    """Against transformers' model with the same weights and the key that the factors come from."""
    plain = write_gguf(tmp_path / "plain.gguf")
    expected = theirs(plain)
    usual = expected.model.rotary_emb.inv_freq.clone()
    parameters = {**LLAMA3, "factor": factor, "rope_theta": 20000.0}
    config = transformers.LlamaConfig(
        **{**expected.config.to_dict(), "rope_parameters": parameters}
    )
    expected.model.rotary_emb = type(expected.model.rotary_emb)(config)
    factors = usual / expected.model.rotary_emb.inv_freq
    mine = checkpoint.load(
        write_gguf(tmp_path / "llama3.gguf", factors=factors.float()), dtype="float32"
    )
    assert mine.config["rope_parameters"]["factor"] == factor
    turned = mine.model.model.rotary_emb.inv_freq
    assert torch.allclose(turned, expected.model.rotary_emb.inv_freq, rtol=1e-5, atol=0)
    assert (usual / turned).max() > factor - 0.01
    assert (logits_of(mine.model, 60) - logits_of(expected, 60)).abs().max() < 1e-5


@pytest.mark.parametrize("number", KINDS)
def test_each_type_of_tensor_is_read(number: int, tmp_path: Path) -> None:
    path = write_gguf(tmp_path / "model.gguf", kind=Kind(number))
    mine = checkpoint.load(path, dtype="float32")
    logits = logits_of(mine.model)
    assert logits.isfinite().all()
    assert (logits - logits_of(theirs(path))).abs().max() < 1e-4


def test_the_table_of_types_is_that_of_the_package() -> None:
    for number, (name, values, size) in KINDS.items():
        assert gguf.GGML_QUANT_SIZES[Kind(number)] == (values, size)
        assert Kind(number).name == name


@pytest.mark.parametrize("config", [None, '{"model_type": "mamba"}'])
def test_a_directory_with_one_file_is_a_model(config: str | None, tmp_path: Path) -> None:
    """Whatever a config.json beside it says, as many repositories have one."""
    if config is not None:
        (tmp_path / "config.json").write_text(config)
    write_gguf(tmp_path / "model.gguf")
    model = checkpoint.load(tmp_path)
    assert model.spec.attention == "causal"
    assert model.dtype == torch.bfloat16
    write_gguf(tmp_path / "second.gguf")
    with pytest.raises(CheckpointError, match="2 GGUF files"):
        checkpoint.load(tmp_path)


def test_an_output_of_its_own_is_used_and_a_missing_one_is_the_embedding(tmp_path: Path) -> None:
    own = checkpoint.load(write_gguf(tmp_path / "own.gguf"), dtype="float32").model
    assert own.lm_head.weight.data_ptr() != own.model.embed_tokens.weight.data_ptr()
    tied = checkpoint.load(write_gguf(tmp_path / "gemma2.gguf", "gemma2"), dtype="float32").model
    assert tied.lm_head.weight.data_ptr() == tied.model.embed_tokens.weight.data_ptr()


def test_the_tokenizer_reads_as_transformers_does(tmp_path: Path) -> None:
    path = write_gguf(tmp_path / "model.gguf")
    mine = checkpoint.load(path).tokenizer
    reference = transformers.AutoTokenizer.from_pretrained(tmp_path, gguf_file="model.gguf")
    assert mine is not None
    assert mine.encode(TEXT, special=True) == reference(TEXT, add_special_tokens=False).input_ids
    assert mine.decode(mine.encode(TEXT)) == TEXT
    assert mine.id_of("<|im_end|>") not in mine.encode(TEXT)


def test_some_vocabularies_cut_every_digit_off(tmp_path: Path) -> None:
    """As llama.cpp does for `smollm`; transformers reads such files without it."""
    tokens = [*vocabulary(), "19"]
    changed = {
        "tokenizer.ggml.tokens": tokens,
        "tokenizer.ggml.token_type": [1] * len(tokens),
        "tokenizer.ggml.merges": ["1 9"],
    }
    for pre, expected in (("smollm", ["1", "9", "8"]), ("gpt-2", ["19", "8"])):
        path = write_gguf(tmp_path / "model.gguf", **changed, **{"tokenizer.ggml.pre": pre})
        tokenizer = Tokenizer(tokenizer_data(read_header(path).metadata), "hash")
        assert [tokens[number] for number in tokenizer.encode("198")] == expected


def test_a_gguf_model_generates(tmp_path: Path) -> None:
    model = checkpoint.load(write_gguf(tmp_path / "model.gguf"), dtype="float32")
    results = list(CausalEngine(model).generate([1, 2, 3], max_tokens=5, end=False))
    ids = [1, 2, 3, *(one.token for one in results)]
    assert ids[3:] == logits_of_ids(model.model, ids)[2:-1]


def logits_of_ids(model: torch.nn.Module, ids: list[int]) -> list[int]:
    with torch.inference_mode():
        return model(torch.tensor([ids])).logits[0].argmax(-1).tolist()


@pytest.mark.parametrize(
    ("changed", "key"),
    [
        ({"general.architecture": "mamba"}, "general.architecture"),
        ({"llama.block_count": None}, "llama.block_count"),
        ({"llama.block_count": "2"}, "llama.block_count"),
        ({"llama.block_count": 3}, "model.layers.2.input_layernorm.weight"),
        ({"llama.block_count": 10**6}, "num_hidden_layers"),
        ({"llama.context_length": 0}, "max_position_embeddings"),
        ({"llama.embedding_length": 255}, "config.json"),
        ({"llama.attention.head_count": 0}, "num_attention_heads"),
        ({"llama.rope.scaling.type": "yarn"}, "llama.rope.scaling.type"),
        ({"llama.rope.scale_linear": 2.0}, "llama.rope.scale_linear"),
        ({"llama.rope.dimension_count": 32}, "llama.rope.dimension_count"),
        ({"llama.attention.key_length": 32}, "llama.rope.dimension_count"),
        ({"llama.attention.causal": False}, "llama.attention.causal"),
        ({"llama.expert_count": 8}, "llama.expert_count"),
        ({"split.count": 2}, "split.count"),
        ({"llama.vocab_size": 7}, "llama.vocab_size"),
        ({"llama.rope.freq_base": float("nan")}, "llama.rope.freq_base"),
        ({"tokenizer.ggml.model": "bert"}, "tokenizer.ggml.model"),
        ({"tokenizer.ggml.pre": "unheard-of"}, "tokenizer.ggml.pre"),
        ({"tokenizer.ggml.tokens": None}, "tokenizer.ggml.tokens"),
        ({"tokenizer.ggml.tokens": ["a", "a"]}, "tokenizer.ggml.token_type"),
        ({"tokenizer.ggml.tokens": [1, 2]}, "tokenizer.ggml.tokens"),
        ({"tokenizer.ggml.merges": ["xx yy"]}, "tokenizer.ggml.tokens"),
        ({"tokenizer.ggml.merges": ["x"]}, "tokenizer.ggml.tokens"),
        ({"tokenizer.ggml.token_type": [1]}, "tokenizer.ggml.token_type"),
        ({"tokenizer.ggml.eos_token_id": 10**6}, "eos_token_id"),
        ({"tokenizer.chat_template": 5}, "tokenizer.chat_template"),
    ],
    ids=lambda value: str(value)[:60],
)
def test_files_that_describe_no_model_are_refused_by_key(
    changed: dict[str, object], key: str, tmp_path: Path
) -> None:
    path = write_gguf(tmp_path / "model.gguf", **changed)
    with pytest.raises(CheckpointError) as caught:
        checkpoint.load(path)
    assert caught.value.field == key


@pytest.mark.parametrize("architecture", ["qwen2", "qwen3", "gemma2"])
def test_a_rotation_of_a_part_of_each_head_is_refused(architecture: str, tmp_path: Path) -> None:
    key = f"{architecture}.rope.dimension_count"
    path = write_gguf(tmp_path / "model.gguf", architecture, **{key: 32})
    with pytest.raises(CheckpointError) as caught:
        checkpoint.load(path)
    assert caught.value.field == key


def test_tensors_that_do_not_fit_are_refused_by_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, shape, key in (
        ("output_norm.weight", (255,), "model.norm.weight"),
        ("blk.0.attn_q.weight", (255, 256), "model.layers.0.self_attn.q_proj.weight"),
        ("rope_freqs.weight", (32,), "rope_freqs.weight"),  # of random factors
        ("rope_freqs.weight", (31,), "rope_freqs.weight"),
    ):
        other = {**shapes("llama"), name: shape}
        monkeypatch.setattr(files, "shapes", lambda architecture, other=other: other)
        with pytest.raises(CheckpointError) as caught:
            checkpoint.load(write_gguf(tmp_path / "model.gguf"))
        assert caught.value.field == key
