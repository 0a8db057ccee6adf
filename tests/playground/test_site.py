"""Chat across processes: Redis, PostgreSQL, a worker that dies in the middle of an answer."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.browser.house import SLOW
from tests.inference.engine.causal.tiny import write_model
from tests.servers import Site, fresh_database, full_site, wait_for, worker
from tests.tiny import tiny_model
from tests.visualizer.served import Client, client

pytestmark = [pytest.mark.servers, pytest.mark.timeout(240)]
STREAM = "/ws/chat/stream"
CAUSAL, CUT, HELD, WATCHERS = "causal", 12, 7, 20
SHORT, RACES = {"max_new_tokens": 8, "tokens_per_step": 2}, 5
PLAIN = {"max_new_tokens": 40, "temperature": 1.5, "seed": 3}
LINES = {"max_new_tokens": 96, "recipe": "rank/left_to_right", "tokens_per_step": 1}
TABLES = {CAUSAL: "playground_completiontoken", SLOW: "visualizer_step"}
WAITING = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"


@pytest.fixture(scope="module")
def site(
    tmp_path_factory: pytest.TempPathFactory, redis_url: str, postgres_url: str
) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("chat-site")
    models = folder / "models"
    tiny_model(models / "tiny")
    tiny_model(models / SLOW, width=256, layers=4, context=640)
    write_model(models / CAUSAL, "llama")
    settings = {"MODELS_DIR": str(models), "DEFAULT_MODEL": "tiny", "SOCKETS_PER_USER": "50"}
    database = fresh_database(postgres_url, "chat")
    with full_site(folder, redis_url, database, **settings) as site:
        yield site


@pytest.fixture(scope="module")
def token(site: Site) -> str:
    return site.token("owner")


async def ask(peer: Client, model: str, settings: dict[str, Any]) -> dict[str, Any]:
    return await peer.ask(message="hello", model=model, settings=settings)


async def to_the_end(peer: Client) -> list[dict[str, Any]]:
    frames = [await peer.receive()]
    while frames[-1]["type"] not in ("done", "error"):
        frames.append(await peer.receive())
    return frames


def joined(frames: list[dict[str, Any]]) -> str:
    return "".join(frame["token"] for frame in frames if frame["type"] == "token")


async def test_tokens_come_while_the_worker_works(site: Site, token: str) -> None:
    async with client(site, token, STREAM) as peer:
        await ask(peer, SLOW, LINES)
        frames = await to_the_end(peer)
    assert sum(frame["type"] == "token" for frame in frames) >= 5
    assert joined(frames) == frames[-1]["text"]


async def test_a_reload_in_the_middle_goes_on_with_the_whole(site: Site, token: str) -> None:
    async with client(site, token, STREAM) as peer:
        began = await ask(peer, SLOW, LINES)
        await peer.until(type="token")
    path = f"/ws/conversation/watch/{began['conversation_id']}"
    async with client(site, token, path) as peer:
        first = await peer.receive()
        assert (first["type"], first["messages"][-1]["status"]) == ("conversation", "writing")
    async with client(site, token, path) as peer:
        frames = await to_the_end(peer)
    assert joined(frames) == frames[-1]["text"]
    count = "from visualizer.models import Generation; print(Generation.objects.filter(prompt__"
    assert site.run(f"{count}text__startswith='hello').count())") >= 1


async def test_twenty_watchers_hear_the_same(site: Site, token: str) -> None:
    async with client(site, token, STREAM) as peer, AsyncExitStack() as stack:
        began = await ask(peer, SLOW, {**LINES, "max_new_tokens": 160})
        path = f"/ws/conversation/watch/{began['conversation_id']}"
        others = [
            await stack.enter_async_context(client(site, token, path)) for _ in range(WATCHERS)
        ]
        told = await asyncio.gather(*map(to_the_end, [peer, *others]))
    whole = told[0][-1]["text"]
    assert {joined(frames) for frames in told} == {whole}
    assert all(frames[0]["type"] == "conversation" for frames in told[1:])


async def test_of_two_sends_at_once_over_two_sockets_one_is_answered(
    site: Site, token: str
) -> None:
    """A race in two processes: whichever comes first, the other one is told the rule."""
    async with client(site, token, STREAM) as one, client(site, token, STREAM) as other:
        began = await ask(one, "tiny", SHORT)
        await to_the_end(one)
        id = began["conversation_id"]
        for n in range(RACES):
            sends = [
                peer.ask(message=f"{n}", conversation_id=id, settings=SHORT)
                for peer in (one, other)
            ]
            told = await asyncio.gather(*sends)
            assert sorted(frame["type"] for frame in told) == ["error", "started"]
            refused = next(frame for frame in told if frame["type"] == "error")
            assert (refused["error_type"], refused["retryable"]) == ("conflict", True)
            assert "being written" in refused["message"]
            winner = one if told[0]["type"] == "started" else other
            assert (await to_the_end(winner))[-1]["type"] == "done"
    assert site.run(COUNT.format(id=id)) == [1 + RACES, 1 + RACES]


COUNT = """
import json
from playground.models import Message
rows = Message.objects.filter(conversation="{id}")
print(json.dumps([rows.filter(role=role).count() for role in ("user", "assistant")]))
"""


@contextmanager
def stopped_at_the_cut(url: str, table: str) -> Iterator[psycopg.Connection]:
    """While this is open no row of that number is written: its writer waits in the database."""
    gate = f"""
    CREATE FUNCTION gate() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN PERFORM pg_advisory_xact_lock_shared({HELD}); RETURN NEW; END $$;
    CREATE TRIGGER gate BEFORE INSERT ON {table}
    FOR EACH ROW WHEN (NEW.number = {CUT}) EXECUTE FUNCTION gate();
    """
    with psycopg.connect(url, autocommit=True) as database:
        database.execute(gate)
        database.execute("SELECT pg_advisory_lock(%s)", [HELD])
        try:
            yield database
        finally:
            database.execute("SELECT pg_advisory_unlock(%s)", [HELD])
            database.execute("DROP FUNCTION gate CASCADE")


def waits(database: psycopg.Connection) -> bool:
    row = database.execute(WAITING).fetchone()
    return row is not None and row[0] > 0


ANSWER = """
import json
from playground.models import CompletionToken, Message
from visualizer.models import Generation, Step
m = Message.objects.get(pk={id})
tokens = list(CompletionToken.objects.filter(completion=m.generation).order_by("number")
              .values_list("number", flat=True))
run = Generation.objects.filter(pk=m.generation).values_list("run", flat=True).first()
steps = list(Step.objects.filter(run=run).order_by("number").values_list("number", flat=True))
print(json.dumps([m.status, m.token_ids, m.text, tokens if run is None else steps]))
"""


@pytest.fixture
def doomed(site: Site, tmp_path: Path) -> Iterator[int]:
    """The pid of the only worker; it has a successor if another test has killed it."""
    if site.workers[0].poll() is None:
        yield site.workers[0].pid
        return
    with worker(tmp_path, site.env) as process:
        yield process.pid


@pytest.mark.parametrize(("model", "settings"), [(CAUSAL, PLAIN), (SLOW, LINES)])
async def test_an_answer_survives_the_death_of_its_worker_token_for_token(
    site: Site, token: str, doomed: int, model: str, settings: dict[str, Any], tmp_path: Path
) -> None:
    async with client(site, token, STREAM) as peer:
        whole = await ask(peer, model, settings)
        last = (await to_the_end(peer))[-1]
        assert last["type"] == "done", str(last)
        with stopped_at_the_cut(site.env["DATABASE_URL"], TABLES[model]) as database:
            killed = await ask(peer, model, settings)
            await asyncio.to_thread(wait_for, lambda: waits(database), "the token", 60)
            os.kill(doomed, signal.SIGKILL)
        with worker(tmp_path, site.env):
            frames = await to_the_end(peer)
        expected, found = (site.run(ANSWER.format(id=one["message_id"])) for one in (whole, killed))
    assert found == expected
    status, ids, text, numbers = found
    assert (status, text) == ("done", frames[-1]["text"])
    assert joined(frames) == text
    assert len(ids) >= CUT
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
