"""`/v1/completions` on an autoregressive model: echo, log-probabilities, streams, refusals."""

from __future__ import annotations

from typing import Any

import pytest
from asgiref.sync import sync_to_async

from inference import registry, runtime
from inference.engine.forward import logits
from inference.limits import LIMITS
from playground.models import Completion

openai = pytest.importorskip("openai")
pytestmark = pytest.mark.usefixtures("chats")
HELLO: dict[str, Any] = {"model": "plain", "prompt": "hello world", "max_tokens": 8}


async def test_echo_and_several_choices(client: Any) -> None:
    told = await client.completions.create(**HELLO, echo=True, n=2, temperature=1.0)
    rows = [row async for row in Completion.objects.order_by("created")]
    assert [one.text for one in told.choices] == [HELLO["prompt"] + row.text for row in rows]
    assert rows[0].text != rows[1].text
    assert told.usage.completion_tokens == sum(row.written for row in rows)


@sync_to_async
def by_hand() -> list[dict[int, float]]:
    """Log-probabilities [V] at every written token, from one forward over the whole."""
    row = Completion.objects.get()
    tokens = list(row.tokens.order_by("number").values_list("token", flat=True))
    model = runtime.load(registry.resolve("plain"))
    ids = [*row.prompt_ids, *tokens]
    rows = [len(row.prompt_ids) + n for n in range(len(tokens))]
    found = logits(model, ids, rows).log_softmax(-1)
    return [{token: float(line[token])} for token, line in zip(tokens, found, strict=True)]


async def test_log_probabilities_are_the_model_s(client: Any) -> None:
    told = (await client.completions.create(**HELLO, logprobs=3)).choices[0]
    assert "".join(told.logprobs.tokens) == told.text
    expected = [value for one in await by_hand() for value in one.values()]
    assert told.logprobs.token_logprobs == pytest.approx(expected, abs=1e-4)
    assert all(len(top) <= 3 for top in told.logprobs.top_logprobs)
    best = [max(top.values()) for top in told.logprobs.top_logprobs]
    assert best == told.logprobs.token_logprobs  # temperature 0


async def test_a_stream_tells_each_token_with_its_piece(client: Any) -> None:
    whole = (await client.completions.create(**HELLO, logprobs=2)).choices[0]
    stream = await client.completions.create(**HELLO, logprobs=2, stream=True)
    text, tokens, offsets = "", [], []
    async for chunk in stream:
        (choice,) = chunk.choices
        text += choice.text
        if choice.logprobs:
            tokens += choice.logprobs.token_logprobs
            offsets += choice.logprobs.text_offset
    assert text == whole.text
    assert tokens == pytest.approx(whole.logprobs.token_logprobs, abs=1e-5)
    assert offsets == whole.logprobs.text_offset


async def test_the_end_is_no_other_place_for_a_causal_model(client: Any) -> None:
    asked = {**HELLO, "logprobs": 2}
    plain = await client.completions.create(**asked)
    end = await client.completions.create(**asked, extra_body={"logprobs_at": "end"})
    first, second = (one.choices[0].logprobs for one in (plain, end))
    assert first.tokens == second.tokens
    assert first.token_logprobs == pytest.approx(second.token_logprobs, abs=1e-5)


@sync_to_async
def prompt_by_hand(text: str) -> list[float | None]:
    """Of each token of a prompt, given those before it; the first one's is not known."""
    model = runtime.load(registry.resolve("plain"))
    assert model.tokenizer is not None
    ids = model.tokenizer.encode(text)
    lines = logits(model, ids, list(range(1, len(ids)))).log_softmax(-1)
    later = [float(line[id]) for line, id in zip(lines, ids[1:], strict=True)]
    return [None, *later]


async def test_how_probable_a_prompt_is(client: Any) -> None:
    """What harnesses ask that compare answers by their likelihood."""
    expected = await prompt_by_hand(HELLO["prompt"])
    asked = {**HELLO, "echo": True, "logprobs": 2, "max_tokens": 0}
    told = await client.completions.create(**asked)
    (choice,) = told.choices
    assert (choice.text, choice.finish_reason) == (HELLO["prompt"], "length")
    assert "".join(choice.logprobs.tokens) == HELLO["prompt"]
    assert choice.logprobs.token_logprobs[0] is choice.logprobs.top_logprobs[0] is None
    assert choice.logprobs.token_logprobs[1:] == pytest.approx(expected[1:], abs=1e-3)
    assert {len(top) for top in choice.logprobs.top_logprobs[1:]} == {2}
    assert told.usage.prompt_tokens == told.usage.total_tokens == len(expected)
    assert not await Completion.objects.aexists()


async def test_a_prompt_may_be_its_tokens(client: Any) -> None:
    """As harnesses send it that have the model's tokenizer; nothing is put before them."""
    ids = await ids_of(HELLO["prompt"])
    text = await client.completions.create(**HELLO, logprobs=2)
    told = await client.completions.create(**{**HELLO, "prompt": ids}, logprobs=2)
    assert told.choices[0].text == text.choices[0].text
    assert told.usage.prompt_tokens == len(ids)
    several = await client.completions.create(**{**HELLO, "prompt": [ids, ids[:1]]})
    assert several.choices[0].text == text.choices[0].text
    assert several.usage.prompt_tokens == len(ids) + 1


@sync_to_async
def ids_of(text: str) -> list[int]:
    tokenizer = runtime.load(registry.resolve("plain")).tokenizer
    assert tokenizer is not None
    return tokenizer.encode(text)


@pytest.mark.parametrize("most", [0, 2])
async def test_the_echo_of_tokens_is_their_text(client: Any, most: int) -> None:
    asked = {**HELLO, "echo": True, "logprobs": 2, "max_tokens": most}
    text = (await client.completions.create(**asked)).choices[0]
    ids = await ids_of(HELLO["prompt"])
    told = (await client.completions.create(**{**asked, "prompt": ids})).choices[0]
    assert told == text
    bare = {**HELLO, "prompt": ids, "echo": True, "max_tokens": 2}
    plain = (await client.completions.create(**bare)).choices[0]
    assert plain.text.startswith(HELLO["prompt"])
    assert plain.logprobs is None


@pytest.mark.parametrize(
    ("prompt", "more", "field"),
    [
        ([], {}, "prompt"),
        ([[]], {}, "prompt"),
        ([-1], {}, "prompt"),
        ([2_000_001], {}, "prompt"),
        ([1_999_999], {}, "prompt"),
        ([1_999_999], {"echo": True, "logprobs": 1, "max_tokens": 0}, "prompt"),
        ([[1]] * 9, {}, "prompt"),
        ([1] * 65_537, {}, "prompt"),
        ([1], {"suffix": " there"}, "suffix"),
    ],
)
async def test_tokens_that_are_none_are_refused(
    client: Any, prompt: Any, more: dict[str, Any], field: str
) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        await client.completions.create(**{**HELLO, **more, "prompt": prompt})
    assert str(caught.value.param).split(".")[0] == field


async def test_a_text_of_tokens_without_a_limit_has_the_usual_one(client: Any) -> None:
    await client.completions.create(model="plain", prompt=[5, 6], seed=1)
    row = await Completion.objects.aget()
    assert row.most <= int(LIMITS["gen_length"].default)


@pytest.mark.parametrize("most", [0, 3])
async def test_an_echo_with_log_probabilities_has_those_of_the_prompt(
    client: Any, most: int
) -> None:
    """They began behind the prompt, so that whoever summed up the prompt's summed up others."""
    prompts = {"prompt": ["hello world", "hello"], "max_tokens": most, "n": 2, "seed": 3}
    asked = {**HELLO, **prompts, "echo": True, "logprobs": 1}
    told = await client.completions.create(**asked)
    whole = [one.logprobs for one in told.choices]
    for one, choice in zip(whole, told.choices, strict=True):
        assert "".join(one.tokens) == choice.text
        assert one.text_offset[0] == 0
    stream = await client.completions.create(**asked, stream=True)
    pieces: dict[int, list[str]] = {}
    async for chunk in stream:
        for choice in chunk.choices:
            pieces.setdefault(choice.index, [])
            pieces[choice.index] += choice.logprobs.tokens if choice.logprobs else []
    assert [pieces[index] for index in sorted(pieces)] == [one.tokens for one in whole]


@pytest.mark.parametrize("more", [{}, {"echo": True}, {"logprobs": 1}])
async def test_nothing_at_all_is_no_wish(client: Any, more: dict[str, Any]) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        await client.completions.create(**{**HELLO, **more, "max_tokens": 0})
    assert caught.value.param == "max_tokens"


async def test_a_text_without_a_limit_has_the_usual_one(client: Any) -> None:
    """A model that never ends would write until its context is full."""
    await client.completions.create(model="plain", prompt="hello world", seed=1)
    row = await Completion.objects.aget()
    assert row.most <= int(LIMITS["gen_length"].default)


async def test_it_stops_before_a_stop_text(client: Any) -> None:
    whole = (await client.completions.create(**HELLO)).choices[0].text
    cut = whole[2:4]
    told = (await client.completions.create(**HELLO, stop=[cut])).choices[0]
    assert (told.text, told.finish_reason) == (whole[: whole.index(cut)], "stop")


@pytest.mark.parametrize(
    ("field", "value", "named"),
    [("suffix", "!", "prompt"), ("steps", 4, "steps"), ("recipe", "llada/random", "recipe")],
)
async def test_what_only_diffusion_has_is_refused_by_name(
    client: Any, field: str, value: Any, named: str
) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        await client.post("/completions", body={**HELLO, field: value}, cast_to=object)
    assert refused.value.body["param"] == named
    assert not await Completion.objects.aexists()
