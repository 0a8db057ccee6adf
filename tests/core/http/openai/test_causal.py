"""`/v1/completions` on an autoregressive model: echo, log-probabilities, streams, refusals."""

from __future__ import annotations

from typing import Any

import pytest
from asgiref.sync import sync_to_async

from inference import registry, runtime
from inference.engine.forward import logits
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
