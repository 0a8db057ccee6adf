"""Autoregressive beside diffusion: both start, passes are told, drafts repaired, texts scored."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from django.contrib.auth.models import User

from core.generation.trace import Pass, traced
from core.worker import executor
from inference import registry, runtime
from inference.engine.causal.engine import CausalEngine
from inference.errors import UnmaskError
from playground.commands import COMMANDS
from playground.models import Completion, CompletionToken, SideBySide
from playground.selectors.side_by_side import doubtful_gaps, pieces_of
from playground.services.side_by_side import repair, start_both
from tests.inference.engine.causal.tiny import write_model
from tests.playground.working import work_off
from tests.tiny import tiny_model
from visualizer.models import Session

pytestmark = pytest.mark.django_db(transaction=True)
PAGE = "/playground/beside/"
FORM = {
    "prompt": "hello wor",
    "causal": "letters",
    "masked": "tiny",
    "length": "6",
    "pace": "2",
    "seed": "0",
}


@pytest.fixture
def models(tmp_path: Path, settings: Any, sent: list[Any]) -> Iterator[None]:
    settings.MODELS_DIR, settings.DEVICE = tmp_path, "cpu"
    torch.set_num_threads(1)
    write_model(tmp_path / "letters", "llama")
    tiny_model(tmp_path / "tiny")
    registry.sync_models()
    yield
    for slug in list(runtime.loaded()):
        runtime.unload(slug)


def started(owner: User, pace: int) -> SideBySide:
    given = {name: FORM[name] for name in ("prompt", "causal", "masked")}
    return start_both(owner=owner, **given, length=6, pace=pace, seed=0)


@pytest.fixture
def made(models: None, owner: User) -> SideBySide:
    """A comparison whose models have written everything."""
    names = ("prompt", "causal", "masked")
    found = start_both(
        owner=owner, **{name: FORM[name] for name in names}, length=6, pace=2, seed=0
    )
    work_off()
    return found


def passes_of(owner: User, id: Any, after: int = 0) -> list[Pass]:
    return traced(user=owner, id=id).passes(user=owner, id=id, after=after)


def test_an_autoregressive_pass_writes_one_token(made: SideBySide, owner: User) -> None:
    passes = passes_of(owner, made.causal)
    assert [one.number for one in passes] == list(range(1, len(passes) + 1))
    assert [[write.slot for write in one.writes] for one in passes] == [
        [n] for n in range(len(passes))
    ]
    row = Completion.objects.get(pk=made.causal)
    kept = CompletionToken.objects.filter(completion=row)
    assert [one.writes[0].logprob for one in passes] == [one.logprob for one in kept]
    assert passes_of(owner, made.causal, after=len(passes) - 1) == passes[-1:]


def test_a_diffusion_pass_tells_what_it_wrote_and_saw(made: SideBySide, owner: User) -> None:
    of = traced(user=owner, id=made.masked)
    places = of.positions(user=owner, id=made.masked)
    assert places is not None
    assert [place.text for place in places] == [None] * 6
    passes = passes_of(owner, made.masked)
    assert [len(one.writes) for one in passes] == [2, 2, 2]
    assert [len(one.heat) for one in passes] == [6, 4, 2]
    written = {write.slot for one in passes for write in one.writes}
    assert written == {place.slot for place in places}
    for one in passes:
        assert one.ms is not None
        for write in one.writes:
            assert write.logprob is not None
            best = dict(one.heat)[write.slot]
            assert math.exp(write.logprob) <= best + 1e-3
    assert passes_of(owner, made.masked, after=2) == passes[2:]


def test_passes_are_the_owner_s(made: SideBySide, friend: User, stranger: User) -> None:
    for user in (friend, stranger):
        for id in (made.causal, made.masked):
            with pytest.raises(UnmaskError, match="not yours"):
                traced(user=user, id=id)


def test_the_stream_of_passes(made: SideBySide, owner: User, friend: User, client_of: Any) -> None:
    import asyncio
    import json

    from django.test import AsyncClient

    async def read(after: str) -> list[dict[str, Any]]:
        client = AsyncClient()
        await client.aforce_login(owner)
        address = f"/api/generations/{made.masked}/passes"
        answer = await client.get(address, headers={"Last-Event-ID": after})
        text = "".join([part.decode() async for part in answer.streaming_content])
        return [json.loads(line[6:]) for line in text.splitlines() if line.startswith("data: ")]

    frames = asyncio.run(read("0"))
    assert [frame["type"] for frame in frames] == ["start", "pass", "pass", "pass", "end"]
    later = asyncio.run(read("2"))
    assert [frame["type"] for frame in later] == ["pass", "end"]
    assert later[0]["number"] == 3
    assert asyncio.run(read("3")) == later[1:]
    address, behind = f"/api/generations/{made.masked}/passes", {"Last-Event-ID": "end"}
    assert client_of(owner).get(address, headers=behind).status_code == 204
    for headers in ({}, behind):
        assert client_of(friend).get(address, headers=headers).status_code == 404
    bad = client_of(owner).get(address, headers={"Last-Event-ID": "x"})
    assert (bad.status_code, bad.json()["field"]) == (400, "Last-Event-ID")


def test_a_draft_is_repaired_where_it_is_doubtful(made: SideBySide, owner: User) -> None:
    tokens = list(CompletionToken.objects.filter(completion=made.causal))
    probable = sorted(math.exp(one.logprob) for one in tokens if one.text)
    least = (probable[1] + probable[2]) / 2
    assert repair(comparison=made, least=least) == 2
    work_off()
    made.refresh_from_db()
    session = Session.objects.exclude(pk=None).order_by("created").last()
    assert session is not None
    assert session.gen_length == 0
    of = traced(user=owner, id=str(made.repair))
    places = of.positions(user=owner, id=made.repair)  # type: ignore[arg-type]
    assert places is not None
    assert sum(place.text is None for place in places) == 2
    writes = [write for one in passes_of(owner, made.repair) for write in one.writes]
    assert len(writes) == 2


def test_gaps_and_pieces() -> None:
    rows = [
        CompletionToken(number=n, text=text, logprob=math.log(chance))
        for n, (text, chance) in enumerate(
            [("a", 0.9), ("b", 0.1), ("c", 0.2), ("d", 0.8), ("e", 0.1)]
        )
    ]
    gaps = doubtful_gaps(rows, 0.3)
    assert gaps == [(1, 3), (4, 5)]
    assert pieces_of("P", rows, gaps) == ["Pa", "d", ""]
    assert doubtful_gaps(rows, 0.05) == []


def test_the_page_starts_both(models: None, owner: User, client_of: Any) -> None:
    client = client_of(owner)
    assert b"Start both" in client.get(PAGE).content
    answer = client.post(PAGE, FORM)
    found = SideBySide.objects.get()
    assert (answer.status_code, answer.headers["Location"]) == (302, f"{PAGE}{found.pk}/")
    work_off()
    assert client.get(f"{PAGE}{found.pk}/").status_code == 200
    assert b"hello wor" in client.get(PAGE).content


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("prompt", ""),
        ("prompt", "x" * 5000),
        ("prompt", "a\0"),
        ("causal", ""),
        ("causal", "tiny"),
        ("causal", "../etc"),
        ("masked", "letters"),
        ("masked", "no such"),
        ("length", "0"),
        ("length", "193"),
        ("length", "many"),
        ("pace", "0"),
        ("pace", "65"),
        ("pace", "1.5"),
        ("seed", "-1"),
        ("seed", str(2**64)),
    ],
)
def test_a_bad_form_is_shown_again(
    models: None, owner: User, client_of: Any, field: str, value: str
) -> None:
    answer = client_of(owner).post(PAGE, {**FORM, field: value})
    assert answer.status_code == 400
    assert answer.context["problem"].field == field
    assert b'role="alert"' in answer.content
    assert not SideBySide.objects.exists()
    assert not Completion.objects.exists()


@pytest.mark.parametrize("value", ["", "0", "1", "-1", "x", "nan", "inf"])
def test_a_bad_threshold_is_named(
    made: SideBySide, owner: User, client_of: Any, value: str
) -> None:
    client = client_of(owner)
    address = f"{PAGE}{made.pk}/repair/"
    answer = client.post(address, {"least": value}, headers={"Accept": "application/json"})
    assert (answer.status_code, answer.json()["field"]) == (400, "least")
    made.refresh_from_db()
    assert made.repair is None


def test_a_draft_in_the_making_is_not_repaired(models: None, owner: User) -> None:
    names = ("prompt", "causal", "masked")
    found = start_both(
        owner=owner, **{name: FORM[name] for name in names}, length=6, pace=1, seed=0
    )
    with pytest.raises(UnmaskError, match="not finished"):
        repair(comparison=found, least=0.5)


def test_nothing_doubtful_is_an_error(made: SideBySide) -> None:
    with pytest.raises(UnmaskError, match="No token"):
        repair(comparison=made, least=1e-9)


def test_a_stranger_s_comparison_does_not_exist(
    made: SideBySide, client_of: Any, friend: User, stranger: User
) -> None:
    for user in (friend, stranger):
        client = client_of(user)
        assert client.get(f"{PAGE}{made.pk}/").status_code == 404
        assert client.post(f"{PAGE}{made.pk}/repair/", {"least": "0.5"}).status_code == 404
        assert b"hello wor" not in client.get(PAGE).content


@pytest.fixture
def score(models: None, owner: User, client_of: Any, monkeypatch: Any) -> Any:
    """score(field=…) → (status, answer)."""
    from core.jobs import dispatch

    monkeypatch.setattr(dispatch, "send", lambda task, pk: executor.execute(COMMANDS, pk))
    client = client_of(owner)

    def send(**fields: Any) -> tuple[int, dict[str, Any]]:
        body = {"model": "letters", "masked_model": "tiny", "text": " world", "prompt": "hello"}
        answer = client.post("/api/score-both", body | fields, content_type="application/json")
        return answer.status_code, answer.json()

    return send


def test_one_text_is_scored_both_ways(score: Any) -> None:
    status, told = score()
    assert status == 200
    letters, tiny = runtime.get("letters"), runtime.get("tiny")
    assert letters is not None
    assert letters.tokenizer is not None
    assert tiny is not None
    assert tiny.tokenizer is not None
    before, ids = letters.tokenizer.encode("hello"), letters.tokenizer.encode(" world")
    judged = CausalEngine(letters).judge([*before, *ids])[len(before) :]
    causal = sum(one.logprob or 0.0 for one in judged)
    assert told["causal"]["nats"] == pytest.approx(causal, abs=1e-3)
    rows = told["masked"]["tokens"]
    assert "".join(row["text"] for row in rows) == " world"
    for way in ("alone", "left"):
        total = sum(row[way] for row in rows)
        assert told["masked"][way]["nats"] == pytest.approx(total, abs=1e-3)
        assert sum(part[way] for part in told["parts"]) == pytest.approx(total, abs=1e-3)
    assert "".join(part["text"] for part in told["parts"]) == " world"
    assert sum(part["causal"] for part in told["parts"]) == pytest.approx(causal, abs=1e-3)


def test_a_text_longer_than_the_window_is_scored_whole(score: Any) -> None:
    text = "".join(
        f"{name} went back home. " for name in ("ann", "ben", "cleo", "dan", "eve", "ida")
    )
    status, told = score(text=text)
    assert status == 200
    letters = runtime.get("letters")
    assert letters is not None
    assert letters.tokenizer is not None
    ids = letters.tokenizer.encode(text)
    assert len(ids) + len("hello") > letters.context
    assert [one["token_id"] for one in told["causal"]["tokens"]] == ids
    assert told["causal"]["left_out"] == 0
    parts = told["parts"]
    assert len(parts) > len(ids) // 2  # both models' tokens end at most letters
    assert "".join(part["text"] for part in parts) == text
    total = sum(part["causal"] for part in parts)
    assert total == pytest.approx(told["causal"]["nats"], abs=1e-2)


@pytest.mark.parametrize(
    ("fields", "status", "field"),
    [
        ({"text": ""}, 400, "text"),
        ({"text": "x" * 5000}, 400, "text"),
        ({"masked_model": "letters"}, 404, "masked_model"),
        ({"masked_model": None}, 404, "masked_model"),
        ({"model": "tiny"}, 404, "model"),
        ({"prompt": 1}, 400, "prompt"),
        ({"unknown": 1}, 400, "unknown"),
    ],
)
def test_what_cannot_be_scored(score: Any, fields: Any, status: int, field: str) -> None:
    told = score(**fields)
    assert (told[0], told[1]["field"]) == (status, field)
