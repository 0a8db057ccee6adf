"""`/v1/chat/completions` with the official client, on models with chat templates of their own."""

from __future__ import annotations

from typing import Any

import pytest

from playground.models import Completion
from visualizer.models import Generation
from visualizer.selectors import labels_for

openai = pytest.importorskip("openai")
pytestmark = pytest.mark.usefixtures("chats")
TURNS = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "Tell a story."},
]
CHAT: dict[str, Any] = {"messages": TURNS, "max_completion_tokens": 8}
KINDS: dict[str, Any] = {"talk": Generation, "plain": Completion}
both = pytest.mark.parametrize("model", KINDS)


@both
async def test_a_chat(client: Any, model: str) -> None:
    asked = {**CHAT, "model": model, "n": 2, "temperature": 1.0, "seed": 4}
    told = await client.chat.completions.create(**asked)
    assert [choice.message.role for choice in told.choices] == ["assistant", "assistant"]
    assert told.choices[0].message.content != told.choices[1].message.content
    rows = [row async for row in KINDS[model].objects.order_by("created")]
    assert [row.settings["seed"] for row in rows] == [4, 5]
    assert [row.text for row in rows] == [one.message.content for one in told.choices]
    assert rows[0].prompt["messages"] == TURNS
    usage = told.usage
    assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens
    assert usage.prompt_tokens % 2 == 0
    assert usage.prompt_tokens / 2 > sum(len(turn["content"]) for turn in TURNS) / 3


async def test_the_template_s_own_marks_stand_around_the_turns(client: Any) -> None:
    await client.chat.completions.create(model="talk", **CHAT)
    row = await Generation.objects.select_related("session__model__vocabulary").aget()
    labels = labels_for(row.session)
    shown = "".join(map(labels, row.session.prompt_ids))
    assert shown.count("<|start_header_id|>") == 3
    assert shown.endswith("<|start_header_id|>assistant<|end_header_id|>")


@both
async def test_it_streams_with_several_choices(client: Any, model: str) -> None:
    options = {"include_usage": True}
    stream = await client.chat.completions.create(
        model=model, **CHAT, n=2, stream=True, stream_options=options
    )
    texts, roles, usages = {0: "", 1: ""}, [], []
    async for chunk in stream:
        usages += [chunk.usage] if chunk.usage else []
        for choice in chunk.choices:
            texts[choice.index] += choice.delta.content or ""
            roles += [choice.delta.role] if choice.delta.role else []
    assert roles == ["assistant", "assistant"]
    stored = [row.text async for row in KINDS[model].objects.all()]
    assert sorted(texts.values()) == sorted(stored)
    (usage,) = usages
    assert usage.completion_tokens > 0


@both
async def test_log_probabilities(client: Any, model: str) -> None:
    told = await client.chat.completions.create(model=model, **CHAT, logprobs=True, top_logprobs=3)
    content = told.choices[0].logprobs.content
    assert "".join(one.token for one in content) == told.choices[0].message.content
    assert all(one.logprob <= 0 and len(one.top_logprobs) == 3 for one in content)
    assert all(bytes(one.bytes).decode() == one.token for one in content)


async def test_a_model_without_a_template_says_so(client: Any) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        await client.chat.completions.create(model="stories", **CHAT)
    assert refused.value.body["param"] == "messages"


async def test_alternatives_need_log_probabilities(client: Any) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        await client.chat.completions.create(model="plain", **CHAT, top_logprobs=3)
    assert refused.value.body["param"] == "top_logprobs"
    assert not await Completion.objects.aexists()


NOTHING: dict[str, Any] = {
    "tools": [],
    "tool_choice": "none",
    "parallel_tool_calls": True,
    "functions": [],
    "function_call": "auto",
    "service_tier": "auto",
    "modalities": ["text"],
    "safety_identifier": "me",
    "prompt_cache_key": "key",
    "logit_bias": {},
    "store": False,
}
SOMETHING: dict[str, Any] = {
    "tools": [{"type": "function", "function": {"name": "f"}}],
    "tool_choice": "required",
    "functions": [{"name": "f"}],
    "function_call": {"name": "f"},
    "service_tier": "priority",
    "modalities": ["audio"],
    "logit_bias": {"5": 1},
    "reasoning_effort": "high",
}


async def test_what_clients_send_along_changes_nothing(client: Any) -> None:
    told = await client.chat.completions.create(model="plain", **CHAT, **NOTHING)
    plain = await client.chat.completions.create(model="plain", **CHAT)
    assert told.choices[0].message.content == plain.choices[0].message.content


@pytest.mark.parametrize("field", SOMETHING)
async def test_what_models_here_cannot_do_is_refused_by_name(client: Any, field: str) -> None:
    asked = {**CHAT, field: SOMETHING[field]}
    with pytest.raises(openai.BadRequestError) as refused:
        await client.chat.completions.create(model="plain", **asked)
    assert str(refused.value.param).split(".")[0] == field
    assert "at most 0" not in refused.value.body["message"]
