"""What the drawer's first question waits for, told in words; only to whom the model is shown."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db.models.functions import Now
from django.test import Client

from inference.models import ModelEntry, WorkerBeat

pytestmark = pytest.mark.django_db
ADDRESS = "/playground/drawer/letters/"
COMES = "The next token comes as soon as"
State = ModelEntry.State


@pytest.fixture
def model(owner: User) -> ModelEntry:
    made: ModelEntry = ModelEntry.every.create(
        slug="letters", label="Letters", kind="autoregressive", state=State.AVAILABLE
    )
    return made


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (State.AVAILABLE, "Letters is waiting to be loaded."),
        (State.LOADING, "Loading Letters: 40%."),
        (State.LOADED, f"In the queue. {COMES} a worker is free."),
    ],
)
def test_the_state_in_words(
    model: ModelEntry, owner_client: Client, state: str, words: str
) -> None:
    ModelEntry.every.filter(pk=model.pk).update(state=state, bytes_total=10, progress=0.4)
    told = owner_client.get(ADDRESS).json()
    assert told == {"state": state, "words": f"No worker is running. {COMES} one is."}
    WorkerBeat.objects.create(name="one", seen=Now())
    assert owner_client.get(ADDRESS).json() == {"state": state, "words": words}


def test_a_model_of_somebody_s_own_is_not_there_for_others(
    model: ModelEntry, owner: User, owner_client: Client, client: Client, stranger: User
) -> None:
    ModelEntry.every.filter(pk=model.pk).update(owner=owner)
    assert owner_client.get(ADDRESS).status_code == 200
    client.force_login(stranger)
    missing = client.get("/playground/drawer/no-such/")
    told = client.get(ADDRESS)
    assert (told.status_code, missing.status_code) == (404, 404)


def test_without_an_account_one_signs_in(model: ModelEntry, client: Client, settings: Any) -> None:
    settings.ALLOW_GUESTS = False
    assert client.get(ADDRESS).status_code in (302, 401)
