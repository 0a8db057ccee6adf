"""CONTRIBUTING.md is followed: a variant of each kind, added where its list says and nowhere else.

Each test adds something at run time to the modules and tables that the list names, looks that the
contract tests name what is still missing, adds it, and has it work.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import transaction
from django.test import Client
from pydantic import Field, ValidationError
from pytest_django import Settings

from core import generation
from core.generation import seam
from inference import catalog, known_models, registry, remote_kinds
from inference.catalog.docs import with_facts
from inference.catalog.entry import Entry
from inference.catalog.groups import basic
from inference.catalog.recipe import RecipeEntry
from inference.engine.canvas import Canvas
from inference.engine.corpora import library
from inference.engine.decoding import quotas, recipes, scores
from inference.engine.decoding.loop import generate
from inference.engine.decoding.recipe import Recipe
from inference.engine.families import qwen2
from inference.engine.training import addition_task
from inference.engine.training.cli import add_evaluate_arguments
from inference.engine.training.tasks import TASKS
from inference.engine.training.texts import kinds, session
from inference.engine.training.texts.cli import add_arguments as add_text_arguments
from inference.errors import UnmaskError
from inference.events import events_after, publish
from inference.models import ModelEntry
from library.selectors.models import absent
from library.worker.remote import protocols
from tests.inference import test_catalog
from tests.inference.engine import models as tiny_models
from tests.inference.engine.corpora import test_library
from tests.inference.engine.decoding import test_docs
from tests.inference.engine.families import test_families
from tests.library import model_server
from tests.library import test_settings as test_library_settings
from tests.library.worker import test_remote
from tests.visualizer import reducer, test_door, test_protocol_docs
from visualizer import protocol_texts
from visualizer.commands import COMMANDS, table
from visualizer.commands.handlers import rewind
from visualizer.commands.schemas import loop
from visualizer.fields import SessionMessage
from visualizer.models import Session
from visualizer.protocol_docs import document
from visualizer.records import exporter

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
PATH = re.compile(r"`([\w.-]+(?:/[\w.-]+)*/?)`")
Play = Callable[..., dict[str, Any]]


def section(kind: str) -> str:
    """The list for one kind of variant."""
    return PAGE.split(f"\n### {kind}\n")[1].split("\n## ")[0].split("\n### ")[0]


def listed(kind: str, *modules: ModuleType) -> None:
    """Each module's file stands in the list, by its name or by its folder."""
    text = section(kind)
    for module in modules:
        path = Path(str(module.__file__)).relative_to(ROOT)
        assert f"`{path}`" in text or f"`{path.parent}/`" in text, path


def module(monkeypatch: pytest.MonkeyPatch, beside: ModuleType, **content: Any) -> ModuleType:
    """A new file `newcomer.py` in the folder of another module."""
    package = beside.__name__.rpartition(".")[0]
    made = ModuleType(f"{package}.newcomer")
    made.__file__ = str(Path(str(beside.__file__)).with_name("newcomer.py"))
    for name, value in content.items():
        setattr(made, name, value)
    monkeypatch.setitem(sys.modules, made.__name__, made)
    return made


def test_every_path_is_there() -> None:
    named = {name for name in PATH.findall(PAGE) if "/" in name or name.endswith((".py", ".md"))}
    beside = ROOT / "inference" / "engine" / "decoding"
    known = {name for name in named if (ROOT / name).exists() or (beside / name).exists()}
    assert len(named) > 40
    assert named - known <= {"export/NAME/"}


def test_a_recipe(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    listed("A recipe", recipes, basic)
    name = "newcomer"
    row = RecipeEntry(
        "Newcomer", "NEWCOMER", "Two tokens a step, left to right.", "Basic",
        "example/newcomer", ("tokens_per_step", "temperature"), {"tokens_per_step": 2},
    )  # fmt: skip
    monkeypatch.setitem(catalog.RECIPES, name, row)
    recipes.recipe_named.cache_clear()
    with pytest.raises(AttributeError, match="NEWCOMER"):
        test_catalog.test_the_engine_takes_parameters_and_defaults_from_the_row(name)
    constant = Recipe(score=scores.order, quota=quotas.fixed)
    monkeypatch.setattr(recipes, "NEWCOMER", constant, raising=False)
    test_catalog.test_every_recipe_names_its_source(name)
    test_catalog.test_the_engine_takes_parameters_and_defaults_from_the_row(name)
    test_catalog.test_a_recipe_takes_the_defaults_that_the_table_shows(name)
    with pytest.raises(AssertionError, match=name):
        test_docs.test_headings_are_the_catalogs_names("Recipes")
    page = tmp_path / "decoding.md"
    page.write_text(with_facts(test_docs.DOCS.read_text(encoding="utf-8")), encoding="utf-8")
    monkeypatch.setattr(test_docs, "DOCS", page)
    test_docs.test_headings_are_the_catalogs_names("Recipes")
    assert name in catalog.recipes_offered("llada")
    model = tiny_models.load_tiny(tmp_path / "model", "llada")
    steps = list(generate(model, Canvas.start([1, 2], 6, tiny_models.MASK), name, {}, 0))
    assert [[op["slot"] for op in step.operations] for step in steps] == [[2, 3], [4, 5], [6, 7]]
    recipes.recipe_named.cache_clear()


def test_a_family(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    own = {"model_types": ("newcomer",), "architectures": ("NewcomerModel",)}
    family = replace(qwen2.FAMILY, name="newcomer", **own)
    file = module(monkeypatch, qwen2, FAMILY=family)
    listed("A family", file, sys.modules["inference.catalog.families"], tiny_models)
    row = Entry("Newcomer", f"{file.__name__}.FAMILY", "A body of tests.")
    monkeypatch.setitem(catalog.FAMILIES, "newcomer", row)
    with pytest.raises(AssertionError, match="newcomer"):
        test_families.test_every_family_of_the_catalog_is_tried()
    config = {**tiny_models.CONFIGS["a2d-qwen2"], "model_type": "newcomer"}
    config["architectures"] = ["NewcomerModel"]
    monkeypatch.setitem(tiny_models.CONFIGS, "newcomer", config)
    test_families.test_every_family_of_the_catalog_is_tried()
    test_families.test_a_family_goes_by_its_name_in_the_catalog("newcomer")
    test_families.test_saving_what_was_loaded_gives_the_same_file("newcomer", tmp_path)
    with pytest.raises(AssertionError, match="newcomer"):
        test_docs.test_every_family_has_a_row()
    page = tmp_path / "decoding.md"
    page.write_text(test_docs.DOCS.read_text(encoding="utf-8") + "\n| newcomer |\n")
    monkeypatch.setattr(test_docs, "DOCS", page)
    test_docs.test_every_family_has_a_row()


class Newcomer(SessionMessage):
    """Say how many places of the session are open."""

    times: int = Field(ge=1, le=3, description="how often it is said")


def answer(request: Any) -> dict[str, Any]:
    """newcomer_result."""
    count = request.session.gen_length
    return {"type": "newcomer_result", "open": [count] * request.message.times}


@pytest.mark.django_db
def test_a_command(
    monkeypatch: pytest.MonkeyPatch, play: Play, owner: User, stranger: User, session: Session
) -> None:
    schemas = module(monkeypatch, loop)
    handlers = module(monkeypatch, rewind, newcomer=answer)
    listed("A command", schemas, handlers, table, protocol_texts, test_door)
    row = table._web("newcomer", Newcomer, "newcomer", "newcomer_result", reads=True)
    monkeypatch.setitem(COMMANDS._rows, "newcomer", row)
    with pytest.raises(AssertionError, match="newcomer"):
        test_protocol_docs.test_every_command_and_reply_is_documented()
    monkeypatch.setitem(protocol_texts.REPLIES, "newcomer_result", "`open`")
    test_protocol_docs.test_every_command_and_reply_is_documented()
    with pytest.raises(UnmaskError) as missing:
        test_door.test_a_plain_message_of_every_type_is_valid("newcomer")
    assert missing.value.field == "times"
    monkeypatch.setitem(test_door.GOOD, "newcomer", {"times": 2})
    test_door.test_a_plain_message_of_every_type_is_valid("newcomer")
    test_door.test_unknown_fields_and_bad_names_are_refused("newcomer", {"unknown": 1})
    test_door.test_required_fields_are_required("newcomer")
    test_protocol_docs.test_the_schema_accepts_what_the_door_accepts()
    with pytest.raises(AssertionError):
        test_protocol_docs.test_the_committed_page_is_up_to_date()
    assert play(owner, session, type="newcomer", times=2)["open"] == [12, 12]
    with pytest.raises(UnmaskError) as refused:
        play(stranger, None, type="newcomer", times=1, session_id=str(session.pk))
    assert refused.value.error_type == "not_found"


@pytest.mark.django_db
def test_an_event(monkeypatch: pytest.MonkeyPatch, session: Session) -> None:
    listed("An event", sys.modules["inference.events"], protocol_texts, reducer)
    monkeypatch.setitem(protocol_texts.EVENTS, "newcomer", "`count`")
    assert "| `newcomer` | `count` |" in document()
    before = events_after(session.stream_id, 0)[-1].number
    with transaction.atomic():
        publish(session.stream_id, "newcomer", {"count": 3})
    (event,) = events_after(session.stream_id, before)
    assert (event.number, event.type, event.payload) == (before + 1, "newcomer", {"count": 3})
    state = {"number": before}
    with pytest.raises(KeyError, match="newcomer"):
        reducer.reduce(state, event.number, event.type, event.payload)
    fold: Callable[[Any, Any], None] = lambda state, payload: state.update(payload)  # noqa: E731
    monkeypatch.setitem(reducer._REDUCERS, "newcomer", fold)
    after = reducer.reduce(state, event.number, event.type, event.payload)
    assert after == {"number": before + 1, "count": 3}


@pytest.mark.django_db
def test_an_export_format(
    monkeypatch: pytest.MonkeyPatch,
    owner_client: Client,
    stranger_client: Client,
    session: Session,
) -> None:
    listed("An export format", exporter)
    address = f"/sessions/{session.pk}/export/newcomer/"
    assert owner_client.get(address).status_code == 404
    made = exporter.Format("text/plain", "newcomer", lambda session: iter([session.prompt, "!"]))
    monkeypatch.setitem(exporter.FORMATS, "newcomer", made)
    response = owner_client.get(address)
    assert (response.status_code, response.content) == (200, b"once!")
    assert response.headers["Content-Type"] == "text/plain"
    assert stranger_client.get(address).status_code == 404


STARTED: list[tuple[Any, str]] = []


class NewGenerator:
    """Writes nothing down; only what `start` was given."""

    def start(self, *, user: Any, model: ModelEntry, prompt: Any, settings: Any) -> None:
        STARTED.append((user, prompt.text))


GENERATOR = NewGenerator()


@pytest.mark.django_db
def test_a_generator(monkeypatch: pytest.MonkeyPatch, owner: User) -> None:
    listed("A generator", seam)
    STARTED.clear()
    ModelEntry.objects.create(slug="new", kind="newcomer", path="new", label="New")
    prompt = generation.Prompt(text="once")
    with pytest.raises(UnmaskError) as refused:
        generation.start(user=owner, model="new", prompt=prompt)
    assert refused.value.error_type in ("model_unavailable", "not_found")
    ModelEntry.objects.update(state=ModelEntry.State.LOADED)
    monkeypatch.setitem(seam._GENERATORS, "newcomer", f"{__name__}.GENERATOR")
    generation.start(user=owner, model="new", prompt=prompt)
    assert [(owner, "once")] == STARTED


@pytest.mark.django_db
@pytest.mark.usefixtures("sent")
def test_a_kind_of_server(monkeypatch: pytest.MonkeyPatch, owner: User, settings: Settings) -> None:
    listed("A kind of server", remote_kinds, protocols, test_remote, model_server)
    url = "http://127.0.0.1:1"
    with pytest.raises(ValidationError, match="one of openai"):
        remote_kinds.RemoteBackend(name="far", kind="newcomer", url=url)
    row = remote_kinds.BackendKind("Newcomer", "https://example.org/docs")
    monkeypatch.setitem(remote_kinds.KINDS, "newcomer", row)
    with pytest.raises(AssertionError, match="newcomer"):
        test_library_settings.test_every_kind_of_server_has_a_row_in_the_docs("newcomer")
    with model_server.model_server() as server:
        told = test_remote.test_every_kind_of_server_answers
        told(owner, server, settings, "newcomer", test_remote.CHAT)


@pytest.mark.django_db
def test_a_known_model(monkeypatch: pytest.MonkeyPatch) -> None:
    listed("A known model", known_models)
    about = known_models.KnownModel("New", "llada", 5, "MIT", "a CPU will do", "its card")
    monkeypatch.setitem(known_models.KNOWN, "lab/newcomer", about)
    registry.sync_models()
    assert {row.slug: row.about for row in absent()}["lab/newcomer"] == about


def test_a_corpus_and_its_task(monkeypatch: pytest.MonkeyPatch) -> None:
    task = replace(addition_task.TASK, name="newcomer")
    file = module(monkeypatch, addition_task, TASK=task)
    listed("A corpus and its task", file, sys.modules["inference.engine.training.tasks"])
    monkeypatch.setitem(TASKS, task.name, task)
    parser = argparse.ArgumentParser()
    add_evaluate_arguments(parser)
    assert parser.parse_args(["DIR", "--task", "newcomer"]).task == "newcomer"


def test_a_text_to_train_on(monkeypatch: pytest.MonkeyPatch, owner_client: Client) -> None:
    listed("A text to train on", library, test_library, kinds, session)
    assert b"Newcomer" not in owner_client.get("/training/").content
    text = "A newcomer wrote this line. " * 5000
    row = library.LibraryText("newcomer", "Newcomer", "One line.", lambda seed: text, prompt="A ")
    monkeypatch.setitem(library.LIBRARY, "newcomer", row)
    test_library.test_texts_are_long_plain_and_repeatable("newcomer")
    assert b"Newcomer" in owner_client.get("/training/").content
    parser = argparse.ArgumentParser()
    add_text_arguments(parser)
    words = ["--kind", "characters", "--corpus", "newcomer", "--output", "DIR"]
    assert parser.parse_args(words).corpus == "newcomer"
