"""The hub's own variables, and how servers elsewhere are declared."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from config.env import Env
from inference.remote_kinds import KINDS

DOCS = Path(__file__).resolve().parents[2] / "docs" / "models.md"
GOOD = {"name": "far", "kind": "vllm", "url": "http://far:8000"}


def test_the_hub_s_variables_are_honoured_in_their_order(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    expected = [
        ("", tmp_path / "hub"),
        ("HF_HOME", tmp_path / "HF_HOME" / "hub"),
        ("HF_CACHE", tmp_path / "HF_CACHE"),
        ("HF_HUB_CACHE", tmp_path / "HF_HUB_CACHE"),
    ]
    for name, place in expected:
        if name:
            monkeypatch.setenv(name, str(tmp_path / name))
        assert Env().hub_cache == place


def test_the_endpoint_and_the_token_are_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "https://mirror.example/hub")
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    assert Env().HF_ENDPOINT == "https://mirror.example/hub"
    assert "hf_secret" not in repr(Env())
    monkeypatch.setenv("HF_ENDPOINT", "ftp://x")
    with pytest.raises(ValidationError):
        Env()


WRONG: dict[str, list[dict[str, Any]]] = {
    "no name": [{**GOOD, "name": ""}],
    "a name with the separator": [{**GOOD, "name": "a:b"}],
    "another kind": [{**GOOD, "kind": "telepathy"}],
    "no address": [{**GOOD, "url": "far:8000"}],
    "a file": [{**GOOD, "url": "file:///etc/passwd"}],
    "a query": [{**GOOD, "url": "http://far/?x=1"}],
    "no time": [{**GOOD, "timeout": 0}],
    "more": [{**GOOD, "surprise": 1}],
    "a name twice": [GOOD, GOOD],
}


@pytest.mark.parametrize("case", WRONG)
def test_servers_that_make_no_sense_are_refused(case: str) -> None:
    with pytest.raises(ValidationError):
        Env(REMOTE_BACKENDS=WRONG[case])  # type: ignore[arg-type]
    assert Env(REMOTE_BACKENDS=[GOOD]).REMOTE_BACKENDS[0].root == "http://far:8000"  # type: ignore[list-item]


def test_an_address_with_the_version_is_the_same() -> None:
    one = Env(REMOTE_BACKENDS=[{**GOOD, "url": "http://far:8000/v1/"}])  # type: ignore[list-item]
    assert one.REMOTE_BACKENDS[0].root == "http://far:8000"


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_server_has_a_row_in_the_docs(kind: str) -> None:
    rows = [line for line in DOCS.read_text().splitlines() if line.startswith("| ")]
    found = [line for line in rows if f"`{kind}`" in line.split("|")[1]]
    assert found, kind
    told = " ".join(rows[: rows.index(found[0]) + 1])
    assert all(f"`{name}`" in told for name in KINDS[kind].settings)
