"""Answers of servers elsewhere: each kind, each fault, and what the site tells of them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
import stamina
from django.contrib.auth.models import User

from core import generation
from core.generation import Prompt, Settings
from core.jobs.models import Job
from inference import registry, runtime
from inference.errors import UnmaskError
from inference.events import events_after
from inference.models import ModelEntry
from inference.remote_backends import RemoteBackend, lacks
from inference.remote_kinds import KINDS
from inference.worker import heartbeat
from library.models import RemoteGeneration
from library.selectors.servers import servers
from library.services import remote
from library.worker.remote import answers, client, listing
from tests.library.model_server import KEY, ModelServer, model_server

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("sent")]
Status = Job.Status
TEXT = Prompt(text="secret prompt")
CHAT = Prompt(messages=({"role": "user", "content": "secret prompt"},))


@pytest.fixture
def server() -> Iterator[ModelServer]:
    with model_server() as running:
        yield running


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Tries without pauses, and breakers that remember nothing of other tests."""
    stamina.set_testing(True, attempts=3, cap=True)
    client.breaker_of.cache_clear()
    yield
    stamina.set_testing(False)


def declared(server: ModelServer, settings: Any, kind: str = "vllm", **more: Any) -> ModelEntry:
    """The model of that server, as a worker lists it."""
    backend = RemoteBackend(name="far", kind=kind, url=server.url, key=KEY, **more)
    settings.REMOTE_BACKENDS = (backend,)
    listing.refresh_one(backend)
    return ModelEntry.objects.get(slug="far:big/model")


def answered(owner: User, model: ModelEntry, prompt: Prompt = TEXT, **more: Any) -> Any:
    made = generation.start(user=owner, model=model.slug, prompt=prompt, settings=Settings(**more))
    answers.work(str(made.id))
    return RemoteGeneration.objects.get(pk=made.id)


def told(row: RemoteGeneration) -> list[tuple[str, dict[str, Any]]]:
    return [(event.type, event.payload) for event in events_after(row.stream_id, 0)]


def refused(row: RemoteGeneration, error_type: str) -> dict[str, Any]:
    """How it ended; nothing of the prompt, the key or the address is told."""
    assert row.status == Status.FAILED, row.status
    assert row.error is not None
    assert row.error["error_type"] == error_type, row.error
    for secret in ("secret", KEY, "127.0.0.1"):
        assert secret not in row.error["message"]
    assert told(row)[-1][0] == "error"
    found: dict[str, Any] = row.error
    return found


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("prompt", [TEXT, CHAT])
def test_every_kind_of_server_answers(
    owner: User, server: ModelServer, settings: Any, kind: str, prompt: Prompt
) -> None:
    row = answered(owner, declared(server, settings, kind), prompt, max_new_tokens=9, seed=4)
    assert (row.status, row.text) == (Status.DONE, "Once upon a time")
    events = told(row)
    assert "".join(payload["text"] for type, payload in events if type == "text") == row.text
    done = events[-1]
    assert done[0] == "done"
    assert done[1]["finish_reason"] == "stop"
    assert done[1]["usage"]["completion_tokens"] == 4
    path, body = server.asked[0]
    assert path == ("/v1/completions" if prompt is TEXT else "/v1/chat/completions")
    asked = {name: body[name] for name in ("model", "max_tokens", "seed")}
    assert asked == {"model": "big/model", "max_tokens": 9, "seed": 4}
    assert set(server.keys) == {f"Bearer {KEY}"}


def test_a_diffusion_model_of_another_unmask_tells_its_canvas(
    owner: User, server: ModelServer, settings: Any
) -> None:
    server.models[0]["kind"] = "diffusion"
    model = declared(server, settings, "unmask")
    row = answered(owner, model, recipe="entropy", steps=4, parameters={"x": 1})
    assert (row.status, row.text) == (Status.DONE, "Once upon a time")
    path, body = server.asked[0]
    assert path == "/api/diffusion/generate/stream"
    assert (body["recipe"], body["steps"], body["auto_trim"]) == ("entropy", 4, False)
    events = told(row)
    assert [type for type, _ in events] == ["draft", *["draft"] * 3, "text", "draft", "done"]
    assert events[0][1]["mask"] == "<m>"
    assert [p["masked"] for type, p in events if type == "draft"] == [4, 3, 2, 1, 0]
    assert events[-1][1]["usage"]["steps"] == 4
    assert events[-1][1]["finish_reason"] == "length"


def test_gaps_are_filled_by_another_unmask(owner: User, server: ModelServer, settings: Any) -> None:
    server.models[0]["kind"] = "diffusion"
    prompt = Prompt(pieces=("a", "b"), gaps=(0,), longest_gap=5)
    row = answered(owner, declared(server, settings, "unmask"), prompt)
    assert row.usage["gaps"] == ["Once upon a time"]
    path, body = server.asked[0]
    assert path == "/api/diffusion/infill/stream"
    assert (body["pieces"], body["lengths"]) == (["a", "b"], [None])


def test_a_prompt_of_tokens_goes_on_as_it_is(
    owner: User, server: ModelServer, settings: Any
) -> None:
    row = answered(owner, declared(server, settings), Prompt(ids=(5, 6)))
    assert row.status == Status.DONE
    path, body = server.asked[0]
    assert (path, body["prompt"]) == ("/v1/completions", [5, 6])


def test_the_canvas_of_another_unmask_begins_with_a_text(
    owner: User, server: ModelServer, settings: Any
) -> None:
    server.models[0]["kind"] = "diffusion"
    model = declared(server, settings, "unmask")
    with pytest.raises(UnmaskError) as caught:
        generation.start(user=owner, model=model.slug, prompt=Prompt(ids=(5, 6)))
    assert (caught.value.error_type, caught.value.field) == ("validation", "prompt")


@pytest.mark.parametrize("prompt", [TEXT, CHAT])
def test_logprobs_are_those_that_the_server_told(
    owner: User, server: ModelServer, settings: Any, prompt: Prompt
) -> None:
    row = answered(owner, declared(server, settings), prompt)
    found = generation.logprobs(user=owner, id=row.pk, top=1)
    assert [one.text for one in found] == server.says
    assert {one.logprob for one in found} == {-0.5}
    assert found[0].top == (("Once", -0.5),)
    later = generation.logprobs(user=owner, id=row.pk, top=0, first=3)
    assert [(one.text, one.top) for one in later] == [(" time", ())]


def test_a_server_without_logprobs_says_so(owner: User, server: ModelServer, settings: Any) -> None:
    row = answered(owner, declared(server, settings, "llamacpp"))
    with pytest.raises(UnmaskError, match="no log-probabilities"):
        generation.logprobs(user=owner, id=row.pk, top=1)


FOREIGN = {
    "recipe": (TEXT, {"recipe": "entropy"}, "recipe"),
    "steps": (TEXT, {"steps": 3}, "steps"),
    "parameters": (TEXT, {"parameters": {"x": 1}}, "parameters"),
    "a pass over the finished text": (TEXT, {"final_pass": True}, "final_pass"),
    "gaps": (Prompt(pieces=("a", "b"), gaps=(1,)), {}, "prompt"),
    "special tokens": (Prompt(text="a", special_tokens=True), {}, "prompt"),
}


@pytest.mark.parametrize("case", FOREIGN)
def test_what_a_server_cannot_do_is_refused_by_name(
    owner: User, server: ModelServer, settings: Any, case: str
) -> None:
    prompt, more, field = FOREIGN[case]
    model = declared(server, settings)
    with pytest.raises(UnmaskError) as caught:
        generation.start(user=owner, model=model.slug, prompt=prompt, settings=Settings(**more))
    assert (caught.value.error_type, caught.value.field) == ("validation", field)
    assert not RemoteGeneration.objects.exists()
    assert len(lacks(model)) > 1


FAULTY = {
    "cut": "network",
    "junk": "network",
    "strange": "network",
    "page": "network",
    "endless": "network",
    "fails": "rate_limit",
    "redirect": "network",
}


@pytest.mark.parametrize("fault", FAULTY)
def test_a_broken_stream_ends_with_an_error_and_keeps_what_came(
    owner: User, server: ModelServer, settings: Any, fault: str
) -> None:
    model = declared(server, settings)
    server.fault = fault
    row = answered(owner, model)
    refused(row, FAULTY[fault])
    assert row.text == ("Once upon" if fault == "cut" else "")
    assert len(server.asked) == 1


STATUSES = {
    400: ("validation", 1),
    401: ("model_unavailable", 1),
    404: ("model_unavailable", 1),
    418: ("network", 1),
    429: ("rate_limit", 1),
    500: ("network", 1),
    503: ("network", 3),
    504: ("timeout", 3),
}


@pytest.mark.parametrize("status", STATUSES)
def test_a_refusal_is_told_and_tried_again_where_that_helps(
    owner: User, server: ModelServer, settings: Any, status: int
) -> None:
    model = declared(server, settings)
    server.status = status
    refused(answered(owner, model), STATUSES[status][0])
    assert len(server.asked) == STATUSES[status][1]


def test_a_server_that_was_busy_for_a_moment_answers(
    owner: User, server: ModelServer, settings: Any
) -> None:
    model = declared(server, settings)
    server.statuses = [503, 502]
    assert answered(owner, model).status == Status.DONE
    assert len(server.asked) == 3


@pytest.mark.parametrize("fault", ["hang", "silence"])
def test_a_silent_server_is_given_up(
    owner: User, server: ModelServer, settings: Any, fault: str
) -> None:
    model = declared(server, settings, timeout=0.5)
    server.fault = fault
    row = answered(owner, model)
    refused(row, "timeout")
    assert row.text == ("Once upon" if fault == "hang" else "")


def test_cancelling_does_not_wait_for_a_silent_server(
    owner: User, server: ModelServer, settings: Any, monkeypatch: Any
) -> None:
    model = declared(server, settings)
    server.fault = "hang"
    made = generation.start(user=owner, model=model.slug, prompt=TEXT, settings=Settings())
    tell = remote.tell

    def told_then_cancelled(**more: Any) -> None:
        tell(**more)
        generation.stop(user=owner, id=made.id)

    monkeypatch.setattr(remote, "tell", told_then_cancelled)
    began = time.monotonic()
    answers.work(str(made.id))
    row = RemoteGeneration.objects.get(pk=made.id)
    assert (row.status, row.finish_reason) == (Status.CANCELLED, "cancelled")
    assert row.text
    assert time.monotonic() - began < 10


def test_a_server_that_fails_again_and_again_is_left_alone(
    owner: User, server: ModelServer, settings: Any
) -> None:
    model = declared(server, settings)
    server.status = 500
    for _ in range(client.FAILURES):
        refused(answered(owner, model), "network")
    asked = len(server.asked)
    server.status = 0
    message = refused(answered(owner, model), "network")["message"]
    assert "left alone" in message
    assert len(server.asked) == asked
    heartbeat.beat()
    assert [one.error for one in servers()] == [message]
    client.breaker_of("far").half_open()
    assert answered(owner, model).status == Status.DONE
    assert answered(owner, model).status == Status.DONE
    heartbeat.beat()
    assert [one.error for one in servers()] == [""]


def test_requests_that_are_wrong_do_not_count_against_a_server(
    owner: User, server: ModelServer, settings: Any
) -> None:
    model = declared(server, settings)
    server.status = 400
    for _ in range(client.FAILURES + 2):
        refused(answered(owner, model), "validation")
    server.status = 0
    assert answered(owner, model).status == Status.DONE


def test_after_a_dead_worker_nothing_is_written_twice(
    owner: User, server: ModelServer, settings: Any
) -> None:
    model = declared(server, settings)
    made = generation.start(user=owner, model=model.slug, prompt=TEXT, settings=Settings())
    RemoteGeneration.objects.filter(pk=made.id).update(status=Status.RUNNING, text="Once")
    assert RemoteGeneration.with_work().exists()
    answers.work(str(made.id))
    row = RemoteGeneration.objects.get(pk=made.id)
    refused(row, "network")
    assert row.text == "Once"
    assert server.asked == []


def test_only_its_owner_reaches_a_generation(
    owner: User, stranger: User, server: ModelServer, settings: Any
) -> None:
    row = answered(owner, declared(server, settings))
    for act in (generation.find, generation.stop):
        with pytest.raises(UnmaskError) as caught:
            act(user=stranger, id=row.pk)
        assert caught.value.error_type == "not_found"
    with pytest.raises(UnmaskError):
        generation.logprobs(user=stranger, id=row.pk, top=0)
    with pytest.raises(UnmaskError, match="ended already"):
        generation.stop(user=owner, id=row.pk)


def test_models_are_listed_with_what_the_server_says(server: ModelServer, settings: Any) -> None:
    server.models += [{"id": "x" * 300}, {"id": "../../etc\n"}, {"id": "second", "owned_by": "me"}]
    model = declared(server, settings)
    assert (model.kind, model.context, model.path) == ("remote", 4096, "big/model")
    rows = ModelEntry.objects.filter(kind=ModelEntry.Kind.REMOTE)
    assert sorted(rows.values_list("slug", flat=True)) == ["far:big/model", "far:second"]
    registry.sync_models()
    assert registry.resolve("far:second").state == ModelEntry.State.AVAILABLE


def test_settings_may_name_the_models_that_are_offered(server: ModelServer, settings: Any) -> None:
    server.models.append({"id": "second"})
    declared(server, settings, models=("big/model",))
    assert not ModelEntry.objects.filter(slug="far:second").exists()


def test_what_is_listed_or_declared_no_longer_is_gone(server: ModelServer, settings: Any) -> None:
    server.models.append({"id": "second"})
    declared(server, settings)
    server.models.pop()
    declared(server, settings)
    states = dict(ModelEntry.objects.filter(kind="remote").values_list("slug", "state"))
    assert states == {"far:big/model": "available", "far:second": "absent"}
    settings.REMOTE_BACKENDS = ()
    listing.refresh()
    with pytest.raises(UnmaskError, match="no longer"):
        registry.resolve("far:big/model")


@pytest.mark.parametrize("status", [401, 500])
def test_a_server_that_does_not_answer_is_named_and_comes_back(
    server: ModelServer, settings: Any, status: int
) -> None:
    declared(server, settings)
    server.status = status
    model = declared(server, settings)
    assert model.state == ModelEntry.State.FAILED
    assert "far" in model.error
    server.status = 0
    client.breaker_of.cache_clear()
    assert declared(server, settings).state == ModelEntry.State.AVAILABLE


def test_a_server_that_never_answered_says_why(server: ModelServer, settings: Any) -> None:
    """A wrong key was told as "It has not answered yet", for ever."""
    backend = RemoteBackend(name="new", kind="vllm", url=server.url, key="wrong")
    settings.REMOTE_BACKENDS = (backend,)
    assert [one.error for one in servers()] == ["It has not answered yet."]
    server.status = 401
    listing.refresh_one(backend)
    heartbeat.beat()
    assert [one.error for one in servers()] == ["new refuses this site's key."]
    server.status = 0
    client.breaker_of.cache_clear()
    listing.refresh_one(backend)
    heartbeat.beat()
    assert [(one.models, one.error) for one in servers()] == [(1, "")]


def test_it_is_never_loaded_here(server: ModelServer, settings: Any) -> None:
    model = declared(server, settings)
    with pytest.raises(UnmaskError, match="another server"):
        runtime.load(model)
    ran: list[int] = []
    runtime.run_when_loaded(model.slug, "x", lambda: ran.append(1))
    assert ran == [1]
