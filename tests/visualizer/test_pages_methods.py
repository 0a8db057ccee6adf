"""The page of decoding methods: every recipe of the catalogue, and the ways to it."""

from __future__ import annotations

import re

import pytest
from django.test import Client
from django.utils.html import escape

from inference.catalog import RECIPES
from visualizer.models import Session
from visualizer.views.methods import NEEDS, anchor_of

pytestmark = pytest.mark.django_db


def test_every_method_is_told(owner_client: Client) -> None:
    page = owner_client.get("/methods/").content.decode()
    found = re.findall(r'<article class="method" id="([^"]+)"', page)
    assert sorted(found) == sorted(anchor_of(name) for name in RECIPES)
    assert len(set(found)) == len(found)
    for name, row in RECIPES.items():
        body = page.split(f'id="{anchor_of(name)}"')[1].split("</article>")[0]
        for text in (row.label, row.sentence, row.source, name):
            assert escape(text) in body, name
        for parameter in row.parameters():
            assert f'<th scope="row">{escape(parameter.label)}</th>' in body, name


def test_whatever_a_model_must_have_has_words() -> None:
    assert {trait for row in RECIPES.values() for trait in row.needs} <= {"mask", *NEEDS}


def test_panel_lab_and_lessons_lead_there(owner_client: Client, session: Session) -> None:
    panel = owner_client.get(f"/sessions/{session.pk}/").content.decode()
    chosen = re.search(r'href="/methods/#([^"]+)" id="recipe-more"', panel)
    assert chosen
    assert chosen[1] in {anchor_of(name) for name in RECIPES}
    for address in ("/learn/", f"/sessions/{session.pk}/compare/"):
        assert 'href="/methods/"' in owner_client.get(address).content.decode()
