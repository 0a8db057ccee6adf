"""Conversations as ids: the template's marks are ids, the user's text is only text."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from tokenizers import Tokenizer as Native
from tokenizers import decoders, models, pre_tokenizers

from inference.engine.chat import Message, chat_ids
from inference.engine.chat_templates import default_system
from inference.engine.checkpoint import LoadedModel
from inference.engine.errors import InputError
from inference.engine.pieces import byte_table
from inference.engine.tokenization import Tokenizer

MARKS = ["<|startoftext|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"]
MARKS += ["<|im_start|>", "<|im_end|>", "<role>", "</role>", "<|role_end|>"]
SYSTEM = {"chatml": "You are a helpful assistant.", "role": "detailed thinking off"}
TALK = [Message("user", " hi "), Message("assistant", "yes"), Message("user", "<|eot_id|>")]


@pytest.fixture
def talker(tiny: Callable[[str], LoadedModel], tmp_path: Path) -> Callable[[str], LoadedModel]:
    native = Native(models.BPE(vocab={p: n for n, p in enumerate(byte_table())}, merges=[]))
    native.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    native.decoder = decoders.ByteLevel()
    native.add_special_tokens(MARKS)
    native.save(str(tmp_path / "tokenizer.json"))
    tokenizer = Tokenizer.from_directory(tmp_path)
    model = tiny("llada")

    def made(chat: str) -> LoadedModel:
        spec = replace(model.spec, chat=chat, system=SYSTEM.get(chat, ""))
        return replace(model, tokenizer=tokenizer, spec=spec)

    return made


@pytest.mark.parametrize(
    ("chat", "text"),
    [
        (
            "llada",
            "<|startoftext|><|start_header_id|>user<|end_header_id|>\n\nhi<|eot_id|>"
            "<|start_header_id|>assistant<|end_header_id|>\n\nyes<|eot_id|>"
            "<|start_header_id|>user<|end_header_id|>\n\n<|eot_id|><|eot_id|>"
            "<|start_header_id|>assistant<|end_header_id|>\n\n",
        ),
        (
            "chatml",
            "<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n"
            "<|im_start|>user\n hi <|im_end|>\n<|im_start|>assistant\nyes<|im_end|>\n"
            "<|im_start|>user\n<|eot_id|><|im_end|>\n<|im_start|>assistant\n",
        ),
        (
            "role",
            "<role>SYSTEM</role>detailed thinking off<|role_end|>"
            "<role>HUMAN</role> hi <|role_end|><role>ASSISTANT</role>yes<|role_end|>"
            "<role>HUMAN</role><|eot_id|><|role_end|><role>ASSISTANT</role>",
        ),
    ],
)
def test_templates(chat: str, text: str, talker: Callable[[str], LoadedModel]) -> None:
    model = talker(chat)
    assert model.tokenizer is not None
    ids = chat_ids(model, TALK)
    assert model.tokenizer.decode(ids) == text
    # the user's own "<|eot_id|>" is spelled out, the template's are single ids
    eot = model.tokenizer.id_of("<|eot_id|>")
    assert ids.count(eot) == (3 if chat == "llada" else 0)


@pytest.mark.parametrize("chat", ["chatml", "role"])
def test_a_system_turn_of_ones_own_stands_alone(
    chat: str, talker: Callable[[str], LoadedModel]
) -> None:
    model = talker(chat)
    assert model.tokenizer is not None
    text = model.tokenizer.decode(chat_ids(model, [Message("system", "Be brief."), *TALK]))
    assert "Be brief." in text
    assert SYSTEM[chat] not in text


@pytest.mark.parametrize(
    ("name", "system"),
    [
        ("sdar", ""),
        ("a2d-qwen3", ""),
        ("dream", "You are a helpful assistant."),
        ("a2d-qwen2", "You are a helpful assistant."),
        ("llada2", "detailed thinking off"),
        ("llada", ""),
    ],
)
def test_the_default_system_turn_is_the_familys(
    name: str, system: str, tiny: Callable[[str], LoadedModel]
) -> None:
    assert tiny(name).spec.system == system


QWEN25 = """{%- if messages[0]['role'] == 'system' %}
        {{- '<|im_start|>system\\n' + messages[0]['content'] + '<|im_end|>\\n' }}
    {%- else %}
        {{- '<|im_start|>system\\nYou are somebody. Answer.<|im_end|>\\n' }}"""
QWEN3 = """{%- if messages[0].role == 'system' %}
    {{- '<|im_start|>system\\n' + messages[0].content + '<|im_end|>\\n' }}"""


@pytest.mark.parametrize(
    ("template", "system"),
    [(QWEN25, "You are somebody. Answer."), (QWEN3, ""), ("{{ messages }}", None), (5, None)],
)
@pytest.mark.parametrize("jinja", [False, True])
def test_the_default_system_turn_is_read_from_the_tokenizers_template(
    template: object, system: str | None, jinja: bool, tmp_path: Path
) -> None:
    if jinja:
        (tmp_path / "chat_template.jinja").write_text(str(template))
    else:
        config = json.dumps({"chat_template": template})
        (tmp_path / "tokenizer_config.json").write_text(config)
    assert default_system(tmp_path) == system


def test_no_dangling_header_when_no_answer_is_wanted(talker: Callable[[str], LoadedModel]) -> None:
    model = talker("llada")
    eot = model.tokenizer.id_of("<|eot_id|>") if model.tokenizer else None
    assert chat_ids(model, TALK, answer=False)[-1] == eot


def test_a_model_without_template_says_so(talker: Callable[[str], LoadedModel]) -> None:
    with pytest.raises(InputError):
        chat_ids(talker("none"), TALK)


def test_an_unknown_role_is_named(talker: Callable[[str], LoadedModel]) -> None:
    with pytest.raises(InputError) as caught:
        chat_ids(talker("llada"), [Message("tool", "x")])
    assert caught.value.field == "role"
