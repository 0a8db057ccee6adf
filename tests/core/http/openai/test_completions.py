"""`/v1` with the official client: completions, streams, errors."""

from __future__ import annotations

from typing import Any

import pytest
from asgiref.sync import sync_to_async

from core.http.openai.drafts import DraftText
from inference import registry, runtime
from visualizer.models import Generation

openai = pytest.importorskip("openai")
STORY: dict[str, Any] = {"model": "stories", "prompt": "Once upon a time", "max_tokens": 12}


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


@sync_to_async
def ids_of(text: str) -> tuple[list[int], int]:
    """With the id of the mask."""
    model = runtime.load(registry.resolve("stories"))
    assert model.tokenizer is not None
    return model.tokenizer.encode_prompt(text), model.spec.open_id


async def test_a_prompt_may_be_its_tokens(client: Any) -> None:
    text = await client.completions.create(**STORY)
    ids, mask = await ids_of(STORY["prompt"])
    told = await client.completions.create(**{**STORY, "prompt": ids})
    assert (told.choices[0].text, told.usage) == (text.choices[0].text, text.usage)
    row = await Generation.objects.select_related("session").order_by("-created").afirst()
    assert row is not None
    assert row.session is not None
    assert row.session.prompt == STORY["prompt"]
    for wrong in ([*ids, mask], [*ids, 1_999_999]):
        with pytest.raises(openai.BadRequestError) as caught:
            await client.completions.create(**{**STORY, "prompt": wrong})
        assert caught.value.param == "prompt"


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


BAD: dict[str, Any] = {
    "prompt": [
        [],
        "",
        [""],
        ["x"] * 99,
        None,
        1,
        [1, "a"],
        [[1], "a"],
        [1.5],
        [True],
        "x" * 70_000,
    ],
    "max_tokens": [0, -1, "1", 1.5, True, 10**9],
    "temperature": [-1, "1", 99],
    "top_p": [0, 2, "1"],
    "n": [0, 99, "1"],
    "stop": [[], [""], ["a"] * 5, 1, "x" * 500],
    "logprobs": [-1, 6, True],
    "frequency_penalty": [1.0],
    "logit_bias": [{"1": 2.0}],
    "best_of": [2],
    "user": ["x" * 501],
    "logprobs_at": ["middle", 1, True],
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


async def test_a_diffusion_model_scores_no_prompt(client: Any) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        await client.completions.create(**{**STORY, "echo": True, "logprobs": 1})
    assert refused.value.param == "echo"


async def test_failures_are_those_of_the_client_s_library(client: Any) -> None:
    with pytest.raises(openai.NotFoundError) as unknown:
        await client.completions.create(**{**STORY, "model": "nobody"})
    assert unknown.value.body["code"] == "not_found"
    with pytest.raises(openai.AuthenticationError):
        await client.with_options(api_key="sk-nonsense").completions.create(**STORY)
    with pytest.raises(openai.BadRequestError) as late:
        await client.completions.create(**{**STORY, "max_tokens": 1000})
    assert late.value.body["param"] == "max_tokens"


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


def test_drafts_join_the_bytes_of_a_character_and_none_over_a_mask() -> None:
    draft = DraftText()
    ops = [
        {"op": "commit", "pos": pos, "label": label}
        for pos, label in ((0, "<0xC3>"), (2, "<0xA9>"))
    ]
    assert draft.apply({"canvas": ["M"] * 3, "mask": "M", "ops": ops}) == "<0xC3><0xA9>"
    assert draft.apply({"ops": [{"op": "delete", "pos": 1}]}) == "é"
