"""Forms: what was typed is what is taken, or it is refused by its field; nothing is lost."""

from __future__ import annotations

import html
import json
import re
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.http import QueryDict
from django.test import Client

from inference.errors import UnmaskError
from inference.limits import LIMITS
from inference.models import ModelEntry
from visualizer.models import LabJob, Session
from visualizer.records.exporter import record
from visualizer.records.importer import copy_session
from visualizer.views.fields import number_field
from visualizer.views.form_commands import FORMS
from visualizer.views.params import decimal, number_of, whole

pytestmark = pytest.mark.django_db
TEMPLATES = sorted((Path(__file__).resolve().parents[2] / "templates").rglob("*.html"))
TICKED = re.compile(r'id="id_special_tokens"[^>]*\bchecked')


def again(client: Client, session: Session) -> str:
    return client.get(f"/?from={session.pk}").content.decode()


def test_the_same_prompt_again_reads_special_tokens_again(owner_client: Client, start: Any) -> None:
    session = start(prompt="a__b", special_tokens=True)
    assert session.prompt_ids[1:3] == [session.mask_id] * 2
    assert TICKED.search(again(owner_client, session))
    plain = start(prompt="a__b")
    page = again(owner_client, plain)
    assert 'id="id_special_tokens"' in page
    assert not TICKED.search(page)


def test_special_tokens_are_in_the_record_and_in_a_copy(
    start: Any, friend: User, entry: ModelEntry
) -> None:
    session = start(prompt="a__b", special_tokens=True)
    session.provenance = {"tokenizer_hash": None}
    session.save()
    assert json.loads("".join(record(session)))["session"]["special_tokens"] is True
    assert copy_session(session=session, owner=friend).special_tokens


def test_an_example_without_special_tokens_unticks_the_box(
    owner_client: Client, session: Session
) -> None:
    session.model.card = {"examples": [{"prompt": "once", "gen_length": 99999}]}
    session.model.save()
    data = {"example": "0", "special_tokens": "on", "model": session.model.slug}
    page = owner_client.post("/", data)
    assert page.status_code == 400  # the length is refused, so the form is shown again
    assert not TICKED.search(page.content.decode())


@pytest.mark.parametrize("prompt", ["\n\nonce", "\nonce", "once\n", " <b>&amp;"])
def test_line_breaks_in_front_of_a_prompt_stay(
    owner_client: Client, start: Any, prompt: str
) -> None:
    page = again(owner_client, start(prompt=prompt))
    found = re.search(r"<textarea[^>]*>(.*?)</textarea>", page, re.S)
    assert found is not None
    assert html.unescape(found[1]).removeprefix("\n") == prompt
    assert found[1].startswith("\n")


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_browsers_eat_no_line_and_refuse_no_decimal(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert all(text[end.end()] == "\n" for end in re.finditer(r"<textarea[^>]*>", text))
    steps = re.findall(r'<input[^>]*type="number"[^>]*\bstep="([^"{]*)"', text)
    assert set(steps) <= {"1", "any"}


@pytest.mark.parametrize(
    "name", ["softmax_temperature", "top_p", "gumbel_temperature", "gen_length"]
)
def test_decimals_may_be_typed_as_fine_as_one_likes(name: str) -> None:
    assert number_field(name, "x").step == ("1" if LIMITS[name].integer else "any")


@pytest.mark.parametrize("seed", ["0", "1764266400", str(2**63 - 1)])
def test_a_large_seed_is_taken_by_the_lab(
    owner_client: Client, with_task: ModelEntry, seed: str
) -> None:
    data = {"model": with_task.slug, "recipes": "rank/random", "steps": "0", "count": "1"}
    assert owner_client.post("/lab/", {**data, "seed": seed}).status_code == 302
    assert LabJob.objects.get().seed == int(seed)


@pytest.mark.parametrize(
    ("field", "typed"),
    [("seed", str(2**63)), ("seed", "1e9"), ("seed", "-1"), ("seed", "9" * 30), ("count", "1.5"),
     ("count", "0"), ("count", "99999999999"), ("steps", "99999999999")],
)  # fmt: skip
def test_what_the_lab_cannot_take_is_refused_by_its_field(
    owner_client: Client, with_task: ModelEntry, field: str, typed: str
) -> None:
    data = {"model": with_task.slug, "recipes": "rank/random", "steps": "0", "count": "1"}
    page = owner_client.post("/lab/", {**data, field: typed})
    assert page.status_code == 400
    assert page.context["problem"].field.startswith(field)
    assert not LabJob.objects.exists()


@pytest.mark.parametrize(
    ("action", "field"),
    [("run", "tokens_to_select"), ("run", "p_temperature"), ("stage", "token"),
     ("remask", "position"), ("lock", "position"), ("merge", "target"), ("prune", "target"),
     ("change_branch", "target"), ("save_preset", "tokens_to_select")],
)  # fmt: skip
@pytest.mark.parametrize("typed", ["1.5x", "ten", "9" * 30])
def test_no_button_takes_a_number_for_another(
    session: Session, action: str, field: str, typed: str
) -> None:
    form = QueryDict(mutable=True)
    form.update({"recipe": "llada/random", field: typed})
    with pytest.raises(UnmaskError) as refused:
        FORMS[action](form, session)
    assert refused.value.field == field


@pytest.mark.parametrize("field", ["tokens_to_select", "step"])
def test_comparisons_are_not_begun_elsewhere(
    owner_client: Client, session: Session, field: str
) -> None:
    told = owner_client.post(
        f"/sessions/{session.pk}/compare/start/",
        {"recipe_a": "llada/random", "recipe_b": "rank/random", field: "1e3"},
        headers={"accept": "application/json"},
    )
    assert (told.status_code, told.json()["field"]) == (400, field)


def test_numbers_as_they_are_typed() -> None:
    form = {"a": " 7 ", "b": "-3", "c": "", "d": "0.125", "e": "1e-3", "f": ".5"}
    assert [whole(form, name) for name in "abcx"] == [7, -3, None, None]
    assert [decimal(form, name) for name in "adefbc"] == [7.0, 0.125, 0.001, 0.5, -3.0, None]
    assert number_of("1764266400") == 1764266400
    assert [number_of(text) for text in ("-1", "x", "9" * 19, "", None)] == [None] * 5
