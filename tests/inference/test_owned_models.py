"""Models that belong to an account: its owner finds them at every door, nobody else at any."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser, User
from django.test import Client

from core import generation
from core.generation import Prompt
from core.http.openai.routes import _usable
from inference import registry
from inference.errors import UnmaskError
from inference.models import ModelEntry
from playground.views.pages import models_for_chat
from visualizer.api import model_list

Kind = ModelEntry.Kind


@pytest.fixture(params=[Kind.DIFFUSION, Kind.AUTOREGRESSIVE])
def own(request: pytest.FixtureRequest, owner: User) -> ModelEntry:
    """A model of the owner's, of either kind; its files are not looked at here."""
    made: ModelEntry = ModelEntry.every.create(
        slug="trained/own", label="Own", path="own", kind=request.param, owner=owner, context=64
    )
    return made


LISTS: list[Callable[[Any], list[ModelEntry]]] = [
    models_for_chat,
    _usable,
    lambda user: list(ModelEntry.visible_to(user)),
]


@pytest.mark.parametrize("listed", LISTS)
def test_lists_show_it_to_its_owner_only(
    own: ModelEntry, owner: User, stranger: User, listed: Callable[[Any], list[ModelEntry]]
) -> None:
    assert own in listed(owner)
    assert own not in listed(stranger)
    assert own not in listed(AnonymousUser())


def test_it_is_resolved_for_its_owner_only(own: ModelEntry, owner: User, stranger: User) -> None:
    assert registry.resolve(own.slug, owner) == own
    refused = []
    for user, slug in ((stranger, own.slug), (None, own.slug), (stranger, "trained/never-was")):
        with pytest.raises(UnmaskError) as caught:
            registry.resolve(slug, user)
        refused.append((caught.value.error_type, caught.value.message))
    assert len(set(refused)) == 1, "a stranger cannot tell it from one that never was"
    assert "trained/own" not in refused[0][1]


def test_whoever_forgets_the_user_finds_none(own: ModelEntry) -> None:
    assert own not in ModelEntry.objects.all()


def test_generations_start_on_it_for_its_owner_only(
    own: ModelEntry, stranger: User, owner: User, sent: list[Any]
) -> None:
    made = generation.start(user=owner, model=own.slug, prompt=Prompt(text="a"))
    assert made.model == own.slug
    with pytest.raises(UnmaskError, match="no such model"):
        generation.start(user=stranger, model=own.slug, prompt=Prompt(text="a"))


def test_the_list_of_models_on_disk_leaves_it_alone(own: ModelEntry) -> None:
    registry.sync_models()
    own = ModelEntry.every.get(pk=own.pk)
    assert own.state == ModelEntry.State.AVAILABLE


def test_the_service_s_list(own: ModelEntry, owner: User, stranger: User) -> None:
    shown = own.kind == Kind.DIFFUSION
    assert (own.slug in [one.id for one in model_list.listing(owner)]) == shown
    assert own.slug not in [one.id for one in model_list.listing(stranger)]


@pytest.mark.parametrize("path", ["/", "/chat/", "/playground/drawer/", "/generate/", "/infill/"])
def test_pages_of_a_stranger_do_not_name_it(
    own: ModelEntry, stranger_client: Client, path: str
) -> None:
    registry.sync_models()
    page = stranger_client.get(path)
    assert page.status_code == 200
    assert "trained/own" not in page.content.decode()


def test_pages_of_its_owner_do(own: ModelEntry, owner_client: Client) -> None:
    registry.sync_models()
    pages = {Kind.DIFFUSION: "/", Kind.AUTOREGRESSIVE: "/playground/drawer/"}
    for path in ("/chat/", pages[Kind(own.kind)]):
        assert "trained/own" in owner_client.get(path).content.decode(), path
