"""`/v1` with the official client: completions, chats, streams, log-probabilities, errors."""

from __future__ import annotations

import math
from typing import Any

import pytest
from asgiref.sync import sync_to_async

from core.http.openai.drafts import DraftText
from inference.engine.digest_view import DigestView
from visualizer.models import Digest, Generation, Step
from visualizer.worker import generation

openai = pytest.importorskip("openai")
STORY: dict[str, Any] = {"model": "stories", "prompt": "Once upon a time", "max_tokens": 12}
CHAT: dict[str, Any] = {
    "model": "stories",
    "messages": [{"role": "user", "content": "Tell a story."}],
    "max_completion_tokens": 8,
}


@pytest.fixture
def chats(monkeypatch: pytest.MonkeyPatch) -> None:
    """The shipped model reads turns; none of the shipped ones was trained on them."""

    def ids(model: Any, turns: Any) -> list[int]:
        found: list[int] = model.tokenizer.encode("\n".join(turn.content for turn in turns))
        return found

    monkeypatch.setattr(generation, "chat_ids", ids)


async def test_models_are_those_that_can_generate(client: Any) -> None:
    listed = [model.id async for model in await client.models.list()]
    assert {"stories", "addition", "sudoku", "infill"} <= set(listed)
    assert "GSAI-ML/LLaDA-8B-Instruct" not in listed
    assert (await client.models.retrieve("stories")).owned_by == "unmask"
    with pytest.raises(openai.NotFoundError):
        await client.models.retrieve("nobody/nothing")


async def test_a_completion(client: Any) -> None:
    told = await client.completions.create(**STORY)
    (choice,) = told.choices
    assert (told.object, told.model, choice.index) == ("text_completion", "stories", 0)
    assert choice.text
    assert choice.finish_reason in ("stop", "length")
    assert told.usage.total_tokens == told.usage.prompt_tokens + told.usage.completion_tokens
    row = await Generation.objects.aget()
    assert row.text == choice.text


async def test_echo_n_and_several_prompts(client: Any) -> None:
    asked = {**STORY, "prompt": ["Once upon", "One day"], "n": 2, "echo": True, "temperature": 1.0}
    told = await client.completions.create(**asked)
    assert [choice.index for choice in told.choices] == [0, 1, 2, 3]
    beginnings = ["Once upon", "Once upon", "One day", "One day"]
    assert all(c.text.startswith(b) for c, b in zip(told.choices, beginnings, strict=True))
    assert told.choices[0].text != told.choices[1].text


async def test_it_stops_before_a_stop_text(client: Any) -> None:
    whole = (await client.completions.create(**STORY)).choices[0].text
    cut = whole[4:7]
    told = (await client.completions.create(**STORY, stop=cut)).choices[0]
    assert (told.text, told.finish_reason) == (whole[: whole.index(cut)], "stop")


async def test_a_suffix_makes_it_an_infilling(client: Any) -> None:
    asked = {"prompt": "Leo had a red kite.", "suffix": " He was happy.", "max_tokens": 6}
    told = await client.completions.create(model="infill", **asked)
    row = await Generation.objects.aget()
    assert row.prompt["pieces"] == [asked["prompt"], asked["suffix"]]
    assert told.choices[0].text == row.text


async def test_chunks_join_to_the_text(client: Any) -> None:
    whole = (await client.completions.create(**STORY)).choices[0].text
    stream = await client.completions.create(
        **STORY, stream=True, stream_options={"include_usage": True}
    )
    chunks = [chunk async for chunk in stream]
    assert "".join(c.choices[0].text for c in chunks if c.choices) == whole
    assert chunks[-1].usage.completion_tokens == 12
    assert [c.choices[0].finish_reason for c in chunks if c.choices][-1] in ("stop", "length")
    assert len({chunk.id for chunk in chunks}) == 1


async def test_a_strict_client_passes_denoising_over(client: Any) -> None:
    stream = await client.completions.create(**STORY, stream=True)
    chunks = [chunk async for chunk in stream]
    frames = [c for c in chunks if getattr(c, "type", None) == "diffusion_frame"]
    assert len(frames) > 5
    assert all(c.choices[0].text == "" for c in frames)
    joined = "".join(c.choices[0].text for c in chunks)
    assert frames[-1].text.strip() == joined.strip()
    assert frames[-1].masked == 0


async def test_diffusing_streams_whole_states(client: Any) -> None:
    stream = await client.completions.create(**STORY, stream=True, extra_body={"diffusing": True})
    states = [chunk.choices[0].text async for chunk in stream]
    assert len(states) > 5
    text = (await Generation.objects.aget()).text
    assert states[-2].strip() == text.strip()
    assert all(len(state) <= len(states[-2]) for state in states[:-1])


@pytest.mark.usefixtures("chats")
async def test_a_chat(client: Any) -> None:
    told = await client.chat.completions.create(**CHAT, n=2, temperature=1.0, seed=4)
    assert [c.message.role for c in told.choices] == ["assistant", "assistant"]
    assert told.choices[0].message.content != told.choices[1].message.content
    rows = Generation.objects.order_by("created")
    assert [row.settings["seed"] async for row in rows] == [4, 5]


@pytest.mark.usefixtures("chats")
async def test_a_chat_streams_with_several_choices(client: Any) -> None:
    stream = await client.chat.completions.create(**CHAT, n=2, stream=True)
    texts, roles = {0: "", 1: ""}, []
    async for chunk in stream:
        (choice,) = chunk.choices
        texts[choice.index] += choice.delta.content or ""
        roles += [choice.delta.role] if choice.delta.role else []
    assert roles == ["assistant", "assistant"]
    assert sorted(texts.values()) == sorted([row.text async for row in Generation.objects.all()])


async def test_a_model_without_a_template_says_so(client: Any) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        await client.chat.completions.create(**CHAT)
    assert refused.value.body["param"] == "messages"


@sync_to_async
def kept() -> list[tuple[int, int, dict[int, float]]]:
    """(position, token, log-probabilities of the digest) of every token, in order of positions."""
    row = Generation.objects.get()
    assert row.session is not None
    views = {
        one.number: DigestView.from_bytes(one.data)
        for one in Digest.objects.filter(branch__session=row.session)
    }
    found = []
    for step in Step.objects.filter(run=row.run):
        view = views[step.number - 1]
        for op in step.operations:
            at = view.row_of[op["slot"]]  # nothing is inserted: slots are positions
            probs = view.probabilities(1.0, at)
            logs = {int(i): math.log(p) for i, p in zip(view.ids[at], probs, strict=True) if p}
            found.append((op["slot"], op["token"], logs))
    return sorted(found, key=lambda one: one[0])


async def test_logprobs_are_those_of_the_deciding_step(client: Any) -> None:
    told = await client.completions.create(**STORY, logprobs=3)
    logprobs = told.choices[0].logprobs
    assert "".join(logprobs.tokens) == told.choices[0].text
    assert logprobs.text_offset[1] == len(logprobs.tokens[0])
    expected = await kept()
    for (_, token, logs), told_one, top in zip(
        expected, logprobs.token_logprobs, logprobs.top_logprobs, strict=True
    ):
        assert told_one == pytest.approx(logs[token], abs=1e-5)
        assert sorted(top.values(), reverse=True) == pytest.approx(
            sorted(logs.values(), reverse=True)[:3], abs=1e-5
        )


@pytest.mark.usefixtures("chats")
async def test_logprobs_of_a_chat(client: Any) -> None:
    told = await client.chat.completions.create(**CHAT, logprobs=True, top_logprobs=2)
    content = told.choices[0].logprobs.content
    assert "".join(one.token for one in content) == told.choices[0].message.content
    assert all(one.logprob <= 0 and len(one.top_logprobs) == 2 for one in content)
    assert bytes(content[0].bytes).decode() == content[0].token


BAD: dict[str, Any] = {
    "prompt": [[], "", [""], ["x"] * 99, None, 1, [1, 2], "x" * 70_000],
    "max_tokens": [0, -1, "1", 1.5, True, 10**9],
    "temperature": [-1, "1", 99],
    "top_p": [0, 2, "1"],
    "n": [0, 99, "1"],
    "stop": [[], [""], ["a"] * 5, 1, "x" * 500],
    "logprobs": [-1, 6, True],
    "frequency_penalty": [1.0],
    "logit_bias": [{"1": 2.0}],
    "best_of": [2],
    "surprise": [1],
}


@pytest.mark.parametrize("field", list(BAD))
async def test_bad_fields_are_named(client: Any, field: str) -> None:
    for value in BAD[field]:
        if field == "stop" and value == []:
            continue  # nothing to stop at is a wish that can be granted
        with pytest.raises(openai.BadRequestError) as refused:
            await client.post("/completions", body={**STORY, field: value}, cast_to=object)
        body = refused.value.body
        assert (body["type"], body["code"]) == ("invalid_request_error", "validation")
        assert str(body["param"]).split(".")[0] == field
    assert not await Generation.objects.aexists()


async def test_failures_are_those_of_the_client_s_library(client: Any) -> None:
    with pytest.raises(openai.InternalServerError) as unknown:
        await client.completions.create(**{**STORY, "model": "nobody"})
    assert unknown.value.body["code"] == "model_unavailable"
    with pytest.raises(openai.AuthenticationError):
        await client.with_options(api_key="sk-nonsense").completions.create(**STORY)
    with pytest.raises(openai.BadRequestError) as late:
        await client.completions.create(**{**STORY, "max_tokens": 1000})
    assert late.value.body["param"] == "max_new_tokens"


async def test_a_failure_in_a_stream_is_told_there(client: Any) -> None:
    stream = await client.completions.create(**{**STORY, "max_tokens": 1000}, stream=True)
    with pytest.raises(openai.APIError) as failed:
        async for _ in stream:
            pass
    assert failed.value.body["code"] == "validation"


def test_drafts_fold_to_the_text_of_the_canvas() -> None:
    draft = DraftText()
    first = {"canvas": ["a", "M", "M", "z"], "mask": "M", "ops": []}
    assert draft.apply(first) == "z"
    steps: list[tuple[list[dict[str, Any]], str]] = [
        ([{"op": "commit", "pos": 1, "label": "b"}], "bz"),
        ([{"op": "insert", "pos": 1, "new": [7, 8]}], "bz"),
        ([{"op": "commit", "pos": 3, "label": "d"}, {"op": "delete", "pos": 2}], "bdz"),
        ([{"op": "edit", "pos": 1, "label": "B"}, {"op": "lock", "pos": 1}], "Bdz"),
        ([{"op": "remask", "pos": 1}], "dz"),
    ]
    for ops, text in steps:
        assert draft.apply({"ops": ops}) == text
