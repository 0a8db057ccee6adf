"""Work across processes: web, broker, worker, database, and back over the socket."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from websockets.sync.client import ClientConnection, connect

from tests.servers import Site, full_site, wait_for, worker

pytestmark = pytest.mark.servers
LENGTH = 96
CUT = 40
HELD = 1
GATE = f"""
CREATE FUNCTION gate() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN PERFORM pg_advisory_xact_lock_shared({HELD}); RETURN NEW; END $$;
CREATE TRIGGER gate BEFORE INSERT ON visualizer_step
FOR EACH ROW WHEN (NEW.number = {CUT}) EXECUTE FUNCTION gate();
"""
WAITING = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
STEPS = """
import json
from visualizer.models import Session, Step
s = Session.objects.get(pk="{session}")
rows = Step.objects.filter(branch__session=s).order_by("branch_id", "number")
runs = list(s.runs.values_list("status", flat=True))
steps = [[r.number, [[o["slot"], o["token"]] for o in r.operations]] for r in rows]
print(json.dumps([runs, steps]))
"""


def _ask(client: ClientConnection, **message: Any) -> dict[str, Any]:
    """The answer to a message; what the server says of its own accord is passed over."""
    client.send(json.dumps({**message, "request_id": f"r-{os.urandom(6).hex()}"}))
    while True:
        answer: dict[str, Any] = json.loads(client.recv(timeout=60))
        if answer["type"] not in ("model_status", "event"):
            assert answer["type"] != "error", answer
            return answer


def _open(site: Site, token: str) -> ClientConnection:
    return connect(
        f"{site.socket_url}/ws",
        max_size=None,
        additional_headers={"Authorization": f"Bearer {token}"},
        legacy=True,
    )


def _started(client: ClientConnection, seed: int = 7) -> str:
    """A new session with a run of one token a step; its id."""
    state = _ask(client, type="initialize", prompt="abc", gen_length=LENGTH, seed=seed)
    _ask(client, type="run", recipe="llada/low_confidence", tokens_per_step=1)
    return str(state["session_id"])


def _record(site: Site, session: str) -> tuple[list[str], list[Any]]:
    runs, steps = site.run(STEPS.format(session=session))
    return runs, steps


def _done(site: Site, session: str) -> bool:
    return _record(site, session)[0] == ["done"]


@contextmanager
def _stopped_at_the_cut(postgres_url: str) -> Iterator[psycopg.Connection]:
    """While this is open no step of that number is written: its writer waits in the database."""
    with psycopg.connect(postgres_url, autocommit=True) as database:
        database.execute(GATE)
        database.execute("SELECT pg_advisory_lock(%s)", [HELD])
        try:
            yield database
        finally:
            database.execute("SELECT pg_advisory_unlock(%s)", [HELD])
            database.execute("DROP FUNCTION gate CASCADE")


def _waits(database: psycopg.Connection) -> bool:
    row = database.execute(WAITING).fetchone()
    return row is not None and row[0] > 0


def test_the_loop_of_the_protocol_crosses_the_broker(served_site: Site) -> None:
    with _open(served_site, served_site.token("ada")) as client:
        started = _ask(client, type="initialize", prompt="hello", gen_length=16, block_length=8)
        assert len(started["state"]["token_ids"]) == len("hello") + 16
        result = _ask(client, type="forward_pass", visual_top_k=5)
        assert len(result["result"]["positions"]) >= 8
        chosen = _ask(client, type="auto_select", tokens_to_select=2)
        applied = _ask(client, type="apply_selection", selections=chosen["selected_tokens"])
        assert applied["state"]["step"] == 1


def test_a_run_survives_the_death_of_its_worker_token_for_token(
    tmp_path: Path, models_dir: Path, redis_url: str, postgres_url: str
) -> None:
    settings = {"MODELS_DIR": str(models_dir), "DEFAULT_MODEL": "tiny"}
    with (
        full_site(tmp_path, redis_url, postgres_url, **settings) as site,
        _open(site, site.token("ada")) as client,
    ):
        whole = _started(client)
        wait_for(lambda: _done(site, whole), "the undisturbed run", 90)
        with _stopped_at_the_cut(postgres_url) as database:
            killed = _started(client)
            wait_for(lambda: _waits(database), "the step at which the worker dies", 60)
            os.kill(site.workers[0].pid, signal.SIGKILL)
            runs, before = _record(site, killed)
        assert runs == ["running"]
        assert len(before) == CUT - 1
        with worker(tmp_path, site.env):
            wait_for(lambda: _done(site, killed), "the run that was cut off", 120)
        expected, found = _record(site, whole)[1], _record(site, killed)[1]
    assert [number for number, _ in found] == list(range(1, LENGTH + 1))
    assert found == expected
