"""The typed client of one file: its types are the API's, and it works against a served site."""

from __future__ import annotations

import importlib.util
import sys
import typing
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from config.api import api
from tests.openapi import document
from tests.servers import Site

ROOT = Path(__file__).resolve().parents[2]
SHARED = (
    "GenerateRequest", "InfillRequest", "ModelAnswer", "LoadAnswer", "Completed", "Infilled",
    "DecideRequest", "Calibrate", "Choices", "YesNo", "Scale", "Example", "Choice", "PlaceAnswer",
    "Decision", "CalibrationAnswer", "Turn", "Cancelled",
)  # fmt: skip


@pytest.fixture(scope="module")
def module() -> Iterator[ModuleType]:
    spec = importlib.util.spec_from_file_location(
        "unmask_client", ROOT / "clients" / "unmask_client.py"
    )
    assert spec is not None
    assert spec.loader is not None
    found = importlib.util.module_from_spec(spec)
    monkeypatch = pytest.MonkeyPatch()
    monkeypatch.setitem(sys.modules, "unmask_client", found)  # where its annotations are read
    spec.loader.exec_module(found)
    yield found
    monkeypatch.undo()


@pytest.mark.parametrize("name", SHARED)
def test_types_have_the_fields_of_the_document(module: ModuleType, name: str) -> None:
    schema = document(api)["components"]["schemas"][name]
    fields = typing.get_type_hints(getattr(module, name))
    assert set(fields) == set(schema["properties"])
    for field, kind in fields.items():
        assert _kinds(kind) == _declared(schema["properties"][field]), field


def _kinds(kind: Any) -> set[str]:
    """JSON types of an annotation, the outermost ones."""
    names = {str: "string", int: "integer", float: "number", bool: "boolean", type(None): "null"}
    origin = typing.get_origin(kind)
    if origin is typing.Literal:
        return {"string"}
    if origin in (list, dict):
        return {"array" if origin is list else "object"}
    if origin is not None:
        return set().union(*map(_kinds, typing.get_args(kind)))
    return {names.get(kind, "object")}


def _declared(schema: dict[str, Any]) -> set[str]:
    parts = schema.get("anyOf", [schema])
    return {part.get("type", "object" if "$ref" in part else "string") for part in parts}


@pytest.mark.servers
def test_it_works_against_a_site(module: ModuleType, site: Site) -> None:
    client = module.Client(site.url, token=site.token("ada"))
    assert any(model["loaded"] for model in client.models())
    told = client.generate(prompt="once upon a time", max_new_tokens=4, seed=3)
    assert told["run"]
    frames = list(client.stream(prompt="once upon a time", max_new_tokens=4, seed=3))
    assert [frames[0]["type"], frames[-1]["type"]] == ["status", "complete"]
    joined = "".join(frame["text"] for frame in frames if frame["type"] == "step")
    assert joined == frames[-1]["text"] == told["text"]
    asked = {"text": "once upon a <gap>", "places": [{"kind": "yes_no"}]}
    decided = client.decide(model="stories", **asked)
    assert decided["places"][0]["answer"] in ("yes", "no")
    with pytest.raises(module.UnmaskError) as refused:
        client.generate(prompt="once", max_new_tokens=9999)
    assert (refused.value.error_type, refused.value.field) == ("validation", "max_new_tokens")
    with pytest.raises(module.UnmaskError) as late:
        list(client.stream(prompt="once", max_new_tokens=1000))
    assert late.value.field == "max_new_tokens"
