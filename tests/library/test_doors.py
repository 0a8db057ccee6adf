"""Models of other servers through the site's doors: chat, /v1, /api/diffusion, the panels."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import stamina
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from core import generation as seam
from inference.models import ModelEntry
from inference.remote_backends import RemoteBackend
from library.models import RemoteGeneration
from library.worker.remote import answers, client, listing
from playground.models import Conversation, Message
from playground.services import turns
from playground.services.conversations import create_conversation
from playground.worker import answers as chat_answers
from tests.library.model_server import ModelServer, model_server
from visualizer.models import Generation

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("sent", "listed")]


@pytest.fixture
def server(settings: Any) -> Iterator[ModelServer]:
    """A server with a model that denoises and one that writes from left to right."""
    stamina.set_testing(True, attempts=1)
    client.breaker_of.cache_clear()
    with model_server() as running:
        running.models = [{"id": "dream", "kind": "diffusion"}, {"id": "talks"}]
        backend = RemoteBackend(name="far", kind="unmask", url=running.url)
        settings.REMOTE_BACKENDS = (backend,)
        listing.refresh_one(backend)
        yield running
    stamina.set_testing(False)


def talk(owner: User, text: str, **settings: Any) -> Message:
    """A conversation's answer, from its turn to its end."""
    model = ModelEntry.objects.get(slug="far:talks")
    conversation = create_conversation(owner=owner, model=model)
    wanted = {"system_prompt": "Be brief.", "settings": settings}
    Conversation.objects.filter(pk=conversation.pk).update(**wanted)
    conversation.refresh_from_db()
    return answered(turns.send(conversation=conversation, text=text))


def answered(message: Message) -> Message:
    chat_answers.work(str(message.pk))
    for row in RemoteGeneration.with_work():
        answers.work(str(row.pk))
    message.refresh_from_db()
    return message


def test_a_conversation_is_answered_elsewhere(owner: User, server: ModelServer) -> None:
    message = talk(owner, "hello", temperature=0.5, recipe="entropy", max_new_tokens=7)
    assert (message.status, message.text) == (Message.Status.DONE, "Once upon a time")
    path, body = server.asked[0]
    assert path == "/v1/chat/completions"
    assert body["messages"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "hello"},
    ]
    assert (body["temperature"], body["max_tokens"]) == (0.5, 7)
    assert "recipe" not in body
    assert message.usage["completion_tokens"] == 4


def test_a_failure_there_is_the_message_s(owner: User, server: ModelServer) -> None:
    server.status = 500
    message = talk(owner, "hello")
    assert message.status == Message.Status.FAILED
    assert message.error is not None
    assert message.error["error_type"] == "network"


def test_an_answer_that_was_stopped_cannot_be_continued(
    owner: User, owner_client: Client, server: ModelServer
) -> None:
    server.fault = "cut"
    message = talk(owner, "hello")
    assert message.text == "Once upon"
    address = reverse("conversation", args=[message.conversation_id])
    page = owner_client.get(address).content.decode()
    assert "It answers on another server" in page
    assert "do/continue/" not in page
    again = answered(turns.continue_answer(message=message))
    assert again.status == Message.Status.FAILED
    assert "cannot continue" in again.error["message"]
    assert len(server.asked) == 1


def test_models_that_denoise_there_are_those_of_the_service(
    owner_client: Client, server: ModelServer
) -> None:
    told = owner_client.get("/api/diffusion/models").json()["models"]
    kinds = {one["id"]: one["kind"] for one in told}
    assert kinds["far:dream"] == "remote"
    assert "far:talks" not in kinds
    everything = owner_client.get("/v1/models").json()["data"]
    assert {"far:dream", "far:talks"} <= {one["id"] for one in everything}


def test_the_panels_offer_what_denoises_there(owner_client: Client, server: ModelServer) -> None:
    for panel in ("generate", "infill"):
        page = owner_client.get(reverse(panel)).content.decode()
        assert '<option value="far:dream"' in page
        assert "far:talks" not in page
    chosen = owner_client.post(reverse("choose_model"), {"model": "far:dream", "device": "auto"})
    assert chosen["Location"] == reverse("generate")
    page = owner_client.get(reverse("generate")).content.decode()
    assert '<option value="far:dream" selected' in page
    assert "Its answers cannot be steered token by token" in page


@pytest.mark.parametrize(
    ("panel", "form", "shown"),
    [
        ("generate", {"prompt": "Once", "max_new_tokens": "4"}, "Once upon a time"),
        ("infill", {"text": "a <gap> b", "max_new_tokens": "4"}, "x"),
    ],
)
def test_a_panel_shows_what_is_written_there(
    panel: str,
    form: dict[str, str],
    shown: str,
    owner_client: Client,
    stranger_client: Client,
    server: ModelServer,
) -> None:
    begun = owner_client.post(reverse(panel), {**form, "model": "far:dream"})
    row = RemoteGeneration.objects.get()
    assert not Generation.objects.exists()
    output = begun["Location"]
    assert "Waiting for a worker" in owner_client.get(output).content.decode()
    answers.work(str(row.pk))
    page = owner_client.get(output).content.decode()
    assert f'<pre class="canvas wrap" id="text-{row.pk}">{shown}</pre>' in page
    assert "It answered on another server" in page
    assert "Open in the workspace" not in page
    assert stranger_client.get(output).status_code == 404
    for name in ("panel_stop", "panel_save"):
        address = reverse(name, args=[row.pk])
        assert stranger_client.post(address, {"name": "mine"}).status_code == 404


def test_what_is_written_there_is_stopped_from_the_panel(
    owner_client: Client, server: ModelServer
) -> None:
    owner_client.post(reverse("generate"), {"prompt": "Once", "model": "far:dream"})
    row = RemoteGeneration.objects.get()
    owner_client.post(reverse("panel_stop", args=[row.pk]))
    answers.work(str(row.pk))
    page = owner_client.get(reverse("panel_run", args=[row.pk])).content.decode()
    assert ", stopped." in page


def test_a_failure_there_is_told_by_the_panel(owner_client: Client, server: ModelServer) -> None:
    server.status = 500
    begun = owner_client.post(reverse("generate"), {"prompt": "Once", "model": "far:dream"})
    row = RemoteGeneration.objects.get()
    answers.work(str(row.pk))
    row.refresh_from_db()
    assert row.error is not None
    assert row.error["message"] in owner_client.get(begun["Location"]).content.decode()


def test_answers_of_other_doors_are_no_output_of_a_panel(
    owner: User, owner_client: Client, server: ModelServer
) -> None:
    made = seam.start(user=owner, model="far:talks", prompt=seam.Prompt(text="Once"))
    address = reverse("panel_run", args=[made.id])
    assert owner_client.get(address).status_code == 404
