"""Log-probabilities of diffusion models: at the step that decided, and over the finished text."""

from __future__ import annotations

import math
from typing import Any

import pytest
from asgiref.sync import sync_to_async

from core.generation import TokenLogprob
from core.http.openai.logprobs import for_chat
from inference.engine.digest_view import DigestView
from visualizer.models import Digest, Generation, Run, Session, Step

openai = pytest.importorskip("openai")
STORY: dict[str, Any] = {"model": "stories", "prompt": "Once upon a time", "max_tokens": 12}
END = {"extra_body": {"logprobs_at": "end"}}
Kept = list[tuple[int, int, dict[int, float]]]


def finished() -> tuple[Session, Run]:
    row = Generation.objects.select_related("session", "run").get()
    assert row.session is not None
    assert row.run is not None
    return row.session, row.run


def read(view: DigestView, slot: int) -> dict[int, float]:
    at = view.row_of[slot]  # nothing is inserted: slots are positions
    probs = view.probabilities(1.0, at)
    return {int(i): math.log(p) for i, p in zip(view.ids[at], probs, strict=True) if p}


@sync_to_async
def kept(at: str) -> Kept:
    """(position, token, log-probabilities of the digest) of every token, in order of positions."""
    session, run = finished()
    views = {
        one.number: DigestView.from_bytes(one.data)
        for one in Digest.objects.filter(branch__session=session)
    }
    steps = list(Step.objects.filter(run=run).order_by("number"))
    last = steps[-1].number
    found = [
        (op["slot"], op["token"], read(views[last if at == "end" else step.number - 1], op["slot"]))
        for step in steps
        for op in step.operations
    ]
    return sorted(found, key=lambda one: one[0])


def agrees(logprobs: Any, expected: Kept) -> None:
    for (_, token, logs), own, top in zip(
        expected, logprobs.token_logprobs, logprobs.top_logprobs, strict=True
    ):
        assert own == pytest.approx(logs.get(token, -9999), abs=1e-5)
        best = sorted(logs.values(), reverse=True)[:3]
        assert sorted(top.values(), reverse=True) == pytest.approx(best, abs=1e-5)


async def test_those_of_the_deciding_step(client: Any) -> None:
    told = (await client.completions.create(**STORY, logprobs=3)).choices[0]
    assert "".join(told.logprobs.tokens) == told.text
    assert told.logprobs.text_offset[1] == len(told.logprobs.tokens[0])
    agrees(told.logprobs, await kept("step"))


async def test_those_over_the_finished_text(client: Any) -> None:
    told = (await client.completions.create(**STORY, logprobs=3, **END)).choices[0]
    assert "".join(told.logprobs.tokens) == told.text
    expected = await kept("end")
    agrees(told.logprobs, expected)
    assert expected != await kept("step")


async def test_a_finished_text_that_a_stop_text_ended(client: Any) -> None:
    whole = (await client.completions.create(**STORY)).choices[0].text
    await Generation.objects.all().adelete()
    told = (await client.completions.create(**STORY, logprobs=3, stop=whole[8:11], **END)).choices[
        0
    ]
    assert told.text
    assert min(told.logprobs.token_logprobs) > -9999
    assert len("".join(told.logprobs.tokens)) >= len(told.text)


async def test_no_pass_is_made_that_nobody_asked_for(client: Any) -> None:
    await client.completions.create(**STORY, logprobs=3)
    session, run = await sync_to_async(finished)()
    steps = await Step.objects.filter(run=run).acount()
    assert await Digest.objects.filter(branch__session=session).acount() == steps


@pytest.mark.parametrize("at", ["step", "end"])
async def test_a_stream_tells_the_same(client: Any, at: str) -> None:
    asked = {**STORY, "logprobs": 2, "extra_body": {"logprobs_at": at}, "steps": 6}
    asked["extra_body"] = {"logprobs_at": at, "steps": asked.pop("steps")}
    whole = (await client.completions.create(**asked)).choices[0]
    pieces, last = [], None
    async for chunk in await client.completions.create(**asked, stream=True):
        (choice,) = chunk.choices
        last = choice if choice.finish_reason else last
        if choice.logprobs:
            pieces.append(choice.logprobs)
    assert [v for one in pieces for v in one.token_logprobs] == whole.logprobs.token_logprobs
    assert [v for one in pieces for v in one.text_offset] == whole.logprobs.text_offset
    assert last is not None
    assert len(last.logprobs.tokens) == (len(whole.logprobs.tokens) if at == "end" else 0)


def test_parts_of_a_character_have_their_own_bytes() -> None:
    token = TokenLogprob("\u00e9", -1.0, (("<0xC3>", -1.0), ("<0xA9>x", -2.0), ("\ud800", -3.0)))
    [entry] = for_chat([token])["content"]
    assert entry["bytes"] == [0xC3, 0xA9]
    assert [one["bytes"] for one in entry["top_logprobs"]] == [[0xC3], [0xA9, 0x78], [0x3F]]
