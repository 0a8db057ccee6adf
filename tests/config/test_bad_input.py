"""What programs may get wrong, on every route that the product has for them.

The routes are those of the OpenAPI documents and of the URL configuration, the fields those of
their schemas, so that a new route or field is tried at once. Everything is refused in the one
shape, by the name of the field, and leaves no row, no traceback and no text of the user's.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.models import User
from django.test import Client

from accounts.tokens import issue
from core import generation
from core.commands.fields import UUID
from core.jobs import dispatch
from inference import registry
from inference.models import ModelEntry
from playground.models import ChatCommand, TokenTree, TreeToken
from playground.records.token_trees import tree_record
from playground.services.conversations import create_conversation
from tests.config.bad_values import CANARY, BadValues
from tests.config.routes import GOOD, INFILL, PLACES, TURNS, Route, routes
from visualizer.models import Command
from visualizer.services import calibrations

ROUTES = routes()
WITH_BODY = [route for route in ROUTES if route.schema is not None]
JSON = "application/json"
ERROR_TYPES = {401: "auth", 404: "not_found"}
KEYS = {"type", "message", "error_type", "retryable", "correlation_id"}
APPS = ("accounts", "auth", "inference", "library", "playground", "training", "visualizer")
NEVER = "00000000-0000-4000-8000-000000000000"


def name(route: Route) -> str:
    return route.id


@pytest.fixture(autouse=True)
def _nothing_is_sent(db: None, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bad request that got as far as a worker is a failure here, and no long wait."""

    def send(task: str, argument: Any) -> None:
        raise AssertionError(f"{task} was sent")

    settings.HTTP_RATE = settings.STREAM_RATE = "100000/s"
    registry.sync_models()
    monkeypatch.setattr(dispatch, "send_after_commit", send)


@pytest.fixture
def plain() -> ModelEntry:
    """A model that counts as one that writes from left to right."""
    kind, state = ModelEntry.Kind.AUTOREGRESSIVE, ModelEntry.State.AVAILABLE
    made: ModelEntry = ModelEntry.objects.create(
        slug="plain", label="Plain", path="plain", kind=kind, state=state
    )
    return made


@pytest.fixture
def ask(plain: ModelEntry, owner: User) -> Callable[..., Any]:
    """ask(route, body, …) → the answer to the owner's token."""
    client = Client(
        headers={"Authorization": f"Bearer {issue(owner)}"}, raise_request_exception=False
    )

    def send(route: Route, body: Any = b"", path: str = "", **more: Any) -> Any:
        raw = body if isinstance(body, bytes) else json.dumps(body)
        kind = more.pop("content_type", JSON)
        path = path or route.path.replace("{id}", "stories")
        return client.generic(route.method.upper(), path, raw, content_type=kind, **more)

    return send


@pytest.fixture
def unchanged(logged: io.StringIO, ask: Any, request: Any) -> Iterator[None]:
    """No row has come or gone, and no log line tells of what users wrote or of a fault."""
    for fixture in ("good", "theirs"):
        if fixture in request.fixturenames:
            request.getfixturevalue(fixture)
    before = rows()
    yield
    assert rows() == before or ("theirs" in request.fixturenames and _only_commands(before))
    assert CANARY not in logged.getvalue()
    assert "Traceback" not in logged.getvalue()


def rows() -> dict[str, int]:
    """How many rows every table of the product has."""
    models = (model for app in APPS for model in apps.get_app_config(app).get_models())
    return {model._meta.label: model._default_manager.count() for model in models}


def _only_commands(before: dict[str, int]) -> bool:
    """A command that could be read is kept with its refusal, so that a repeat is answered."""
    commands = {row._meta.label for row in (ChatCommand, Command)}
    return all(rows()[label] == count for label, count in before.items() if label not in commands)


def problem(
    route: Route, answer: Any, statuses: set[int], place: tuple[Any, ...] | None = ()
) -> str:
    """What is wrong with a refusal; empty if it is as it should be, and names the place.

    Without a place (None) it may name any.
    """
    if answer.streaming or answer.status_code not in statuses:
        return f"status {answer.status_code}"
    text = answer.content.decode()
    try:
        told = route.shape(json.loads(text))
    except (ValueError, LookupError):
        return f"{answer.status_code}, no shape: {text[:300]}"
    wrong = {
        "shape": set(told) - {"field", "error"} != KEYS or not told["message"],
        "error_type": told.get("error_type") != ERROR_TYPES.get(answer.status_code, "validation"),
        "correlation id": told.get("correlation_id") != answer.headers["X-Correlation-ID"],
        "field": place is not None and not _same_place(told.get("field"), place),
        "text of the user": CANARY in text,
        "traceback": "Traceback" in text,
    }
    found = ", ".join(name for name, is_so in wrong.items() if is_so)
    return f"{found}: {text[:300]}" if found else ""


def _same_place(field: str | None, place: tuple[Any, ...]) -> bool:
    """Whether a field is the place that is at fault, a list around it or an entry of it."""
    named, wrong = field.split(".") if field else [], [str(part) for part in place]
    shared = min(len(named), len(wrong))
    entries = all(part.isdigit() for part in named[shared:])
    return bool(named or not place) and named[:shared] == wrong[:shared] and entries


@pytest.fixture
def good(route: Route, owner: User, plain: ModelEntry) -> Any:
    """A body that nothing is wrong with."""
    return GOOD.get(route.path) or tree_record(_tree(owner, plain))


def _tree(owner: User, plain: ModelEntry) -> TokenTree:
    tree = TokenTree.objects.create(owner=owner, model=plain, text="Once", prompt_ids=[1], head=1)
    top = [[1, "a", -0.5]]
    numbers = {"logprob": -0.5, "entropy": 0.5, "rank": 1}
    TreeToken.objects.create(tree=tree, number=1, parent=0, token=1, label="a", top=top, **numbers)
    return tree


@pytest.mark.parametrize("route", WITH_BODY, ids=name)
@pytest.mark.usefixtures("unchanged")
def test_every_field_is_refused_by_name(ask: Any, good: Any, route: Route) -> None:
    problems, tried = [], set()
    for bad in BadValues(route.names).of(route.schema, good):
        if route.repeats and bad.place in tried:
            continue
        tried.add(bad.place)
        statuses = {400} if bad.unreadable or not bad.place else route.statuses | {400, 404}
        place = () if bad.unreadable else bad.place
        found = problem(route, ask(route, bad.body), statuses, place)
        problems += [f"{bad.place} {bad.why}: {found}"] if found else []
    assert problems == []
    fields = BadValues(route.names).variants(route.schema)[0]["properties"]
    assert {(field,) for field in fields} <= {place[:1] for place in tried}


UNREADABLE = {
    "truncated": (b'{"prompt": "canary-7f3a', JSON),
    "an array": (b'["canary-7f3a"]', JSON),
    "null": (b"null", JSON),
    "not a number": (b'{"prompt": "canary-7f3a", "temperature": NaN}', JSON),
    "an infinity": (b'{"prompt": "canary-7f3a", "temperature": -Infinity}', JSON),
    "too large a number": (b'{"prompt": "canary-7f3a", "temperature": 1e999}', JSON),
    "too many digits": (b'{"prompt": "canary-7f3a", "seed": ' + b"9" * 5000 + b"}", JSON),
    "a repeated key": (b'{"prompt": "canary-7f3a", "prompt": "b"}', JSON),
    "half a pair in a name": (b'{"canary-7f3a\\ud800": 1}', JSON),
    "no UTF-8": (b'{"prompt": "canary-7f3a\xff"}', JSON),
    "UTF-16": ('{"prompt": "canary-7f3a"}'.encode("utf-16"), JSON),
    "too deep": (b'{"canary-7f3a":' * 100 + b"1" + b"}" * 100, JSON),
    "very deep": (b'{"canary-7f3a":' + b"[" * 100_000, JSON),
    "a form": (b"prompt=canary-7f3a", "application/x-www-form-urlencoded"),
    "plain text": (b'{"prompt": "canary-7f3a"}', "text/plain"),
    "no type": (b'{"prompt": "canary-7f3a"}', ""),
}


@pytest.mark.usefixtures("unchanged")
def test_bodies_that_cannot_be_read_are_refused(ask: Any) -> None:
    for route in WITH_BODY:
        for case, (body, kind) in UNREADABLE.items():
            found = problem(route, ask(route, body, content_type=kind), {400})
            assert found == "", (route.id, case)


@pytest.mark.usefixtures("unchanged")
def test_a_body_that_is_too_large_is_refused(ask: Any) -> None:
    body = json.dumps({"prompt": CANARY + "x" * (10 * 2**20)}).encode()
    for route in WITH_BODY:
        assert problem(route, ask(route, body), {413}) == "", route.id


HOSTILE = (
    "nobody", NEVER, "0", "-1", "null", "x" * 5000, "..%2f..%2fetc%2fpasswd", "%00", "%0a",
    "%ed%a0%80", "%ff", "'%20OR%201=1--", "\u202e", "{run}",
)  # fmt: skip
WITH_PARAMETERS = [route for route in ROUTES if route.parameters]


@pytest.mark.parametrize("route", WITH_PARAMETERS, ids=name)
@pytest.mark.usefixtures("unchanged")
def test_what_is_not_there_is_not_found(ask: Any, theirs: dict[str, str], route: Route) -> None:
    [parameter] = route.parameters
    own = _OF_ALL.get(route.path) or theirs[_kind(route)]
    body = GOOD.get(route.path, b"")
    for id in (*HOSTILE, own):
        path = route.path.replace(f"{{{parameter}}}", id)
        assert problem(route, ask(route, body, path), {404}, None) == "", id


_OF_ALL = {f"/api/diffusion/{path}": NEVER for path in (
    "downloads/{id}", "downloads/{id}/cancel", "directories/{slug}"
)}  # fmt: skip
"""Routes about what is nobody's own."""


def _kind(route: Route) -> str:
    """What the path's parameter names."""
    return route.path.removeprefix("/api/diffusion").split("{")[0].strip("/").split("/")[-1]


@pytest.fixture
def theirs(stranger: User, plain: ModelEntry, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The ids of a stranger's own, by what they are."""
    with monkeypatch.context() as sent:
        sent.setattr(dispatch, "send_after_commit", lambda task, argument: None)
        return _made_by(stranger, plain)


def _made_by(stranger: User, plain: ModelEntry) -> dict[str, str]:
    prompt, stories = generation.Prompt(text="Once"), ModelEntry.objects.get(slug="stories")
    run = generation.start(
        user=stranger, model="stories", prompt=prompt, settings=generation.Settings()
    )
    row = calibrations.calibrate(owner=stranger, model=None, places=PLACES, examples=[])
    conversation = create_conversation(owner=stranger, model=stories)
    own = {"state": ModelEntry.State.AVAILABLE, "owner": stranger, "path": "own"}
    ModelEntry.every.create(slug="own", label="Own", **own)
    ModelEntry.every.create(slug="left", label="Left", kind="autoregressive", **own)
    return {
        "models": "own",
        "runs": str(run.id),
        "cancel": str(run.id),
        "generations": str(run.id),
        "calibrations": str(row.pk),
        "token-trees": str(_tree(stranger, plain).pk),
        "conversation": str(conversation.pk),
    }


NAMES = {
    "model": ("own", "left", "nobody/nothing", "../etc/passwd"),
    "session_id": ("left", "nobody/nothing", "stories"),
    "masked_model": ("own", "nobody/nothing", "plain"),
    "calibration": ("calibrations",),
    "tree_id": ("token-trees",),
    "conversation_id": ("conversation",),
}
"""Fields that name a thing: those of others, or of another kind, are not there."""


@pytest.mark.parametrize("route", WITH_BODY, ids=name)
@pytest.mark.usefixtures("unchanged")
def test_things_of_others_are_not_found(
    ask: Any, good: Any, theirs: dict[str, str], route: Route
) -> None:
    fields = BadValues(route.names).variants(route.schema)[0]["properties"]
    ids = {field for field, about in fields.items() if UUID in str(about)}
    assert ids <= set(NAMES)
    for field in set(NAMES) & set(fields):
        if field == "model" and isinstance(fields[field].get("$ref"), str):
            continue  # the model that a record tells of
        for value in NAMES[field]:
            for id in (theirs.get(value, value), NEVER):
                found = problem(route, ask(route, {**good, field: id}), {404}, (field,))
                assert found == "", (field, id)


@pytest.mark.parametrize("route", [one for one in ROUTES if one.headers], ids=name)
@pytest.mark.usefixtures("unchanged")
def test_ids_of_events_that_were_never_sent_are_refused(
    ask: Any, theirs: dict[str, str], stranger: User, route: Route
) -> None:
    run = theirs["runs"]
    path = re.sub(r"{\w+}", run, route.path)
    for value in ("canary-7f3a", ":", "-1", f"{run}:x", f"{run}:{'9' * 40}", "x" * 5000, "٣"):
        answer = ask(route, GOOD.get(route.path, b""), path, headers={"Last-Event-ID": value})
        place = None if answer.status_code == 404 else ("Last-Event-ID",)
        assert problem(route, answer, {400, 404}, place) == "", value


@pytest.mark.usefixtures("unchanged")
def test_whoever_has_no_account_is_refused(owner: User, settings: Any) -> None:
    settings.ALLOW_GUESTS = False
    forger = Client(enforce_csrf_checks=True, raise_request_exception=False)
    forger.force_login(owner)
    bad = Client(headers={"Authorization": "Bearer canary-7f3a"})
    for route in ROUTES:
        path = re.sub(r"{\w+}", NEVER, route.path)
        for client in (Client(), bad, *([forger] if route.method != "get" else [])):
            answer = client.generic(route.method.upper(), path, b"{}", content_type=JSON)
            assert problem(route, answer, {401}) == "", route.id


@pytest.mark.usefixtures("unchanged")
def test_methods_that_a_route_does_not_have_are_refused(ask: Any) -> None:
    for path in {route.path for route in ROUTES}:
        known = {route.method for route in ROUTES if route.path == path}
        filled = re.sub(r"{\w+}", NEVER, path)
        for method in {"get", "post", "put", "patch", "delete"} - known:
            route = Route(method, path)
            answer = ask(route, {"prompt": CANARY}, filled)
            assert problem(route, answer, {405}) == "", route.id
            assert {one.lower() for one in answer.headers["Allow"].split(", ")} >= known


@pytest.mark.parametrize("path", ["/api/nowhere", "/api/diffusion/nowhere", "/v1/embeddings"])
def test_an_address_that_there_is_not(ask: Any, path: str) -> None:
    for method in ("get", "post"):
        route = Route(method, path)
        assert problem(route, ask(route, {"input": CANARY}), {404}) == ""


CONTRADICTIONS = [
    ("/api/diffusion/generate", {}, "prompt"),
    ("/api/diffusion/generate", {"prompt": None}, "prompt"),
    ("/api/diffusion/generate", {"prompt": "a", "messages": TURNS}, "messages"),
    ("/api/diffusion/generate", {"prompt": "a", "steps": 2, "tokens_per_step": 2},
     "tokens_per_step"),
    ("/api/diffusion/generate", {"prompt": "a", "stop": [""]}, "stop"),
    ("/api/diffusion/generate", {"prompt": "a", "stop": ["x" * 500]}, "stop"),
    ("/api/diffusion/generate", {"prompt": "a", "parameters": {"steps": [1]}}, "parameters.steps"),
    ("/api/diffusion/infill", {}, "prefix"),
    ("/api/diffusion/infill", {"suffix": "b", "lengths": [5000]}, "lengths"),
    ("/api/diffusion/infill", {"prefix": "a", "text": "b<gap>c"}, "prefix"),
    ("/api/diffusion/infill", {"text": "no gap"}, "text"),
    ("/api/diffusion/infill", {"text": "<gap>x" * 40}, "text"),
    ("/api/diffusion/infill", {"pieces": ["a" * 40_000] * 2}, "pieces"),
    ("/api/diffusion/infill", {"suffix": "b", "length": 1, "lengths": [1]}, "lengths"),
    ("/api/diffusion/infill", {"text": "a<gap>b<gap>c", "lengths": [1]}, "lengths"),
    ("/api/diffusion/batch/generate", {"requests": [{"prompt": "a"}, {}]}, "requests.1.prompt"),
    ("/api/diffusion/batch/infill", {"requests": [INFILL, {"text": "a"}]}, "requests.1.text"),
    ("/api/diffusion/decide", {"text": "no gap", "places": PLACES[:1]}, "text"),
    ("/api/diffusion/decide",
     {"text": "<gap>", "places": PLACES[:1], "calibration": NEVER, "temperature": 2.0},
     "calibration"),
    ("/v1/completions", {"model": "stories", "prompt": []}, "prompt"),
    ("/v1/completions", {"model": "stories", "prompt": ["a"] * 9}, "prompt"),
    ("/v1/completions", {"model": "stories", "messages": TURNS}, "prompt"),
    ("/v1/chat/completions", {"model": "stories", "messages": TURNS, "prompt": "a"}, "prompt"),
    ("/v1/chat/completions", {"model": "stories", "messages": TURNS, "top_logprobs": 2},
     "top_logprobs"),
    ("/v1/chat/completions", {"model": "stories", "messages": TURNS, "tools": ["f"]}, "tools"),
]  # fmt: skip


@pytest.mark.usefixtures("unchanged")
def test_fields_that_do_not_fit_together(ask: Any) -> None:
    for path, body, field in CONTRADICTIONS:
        route = Route("post", path)
        found = problem(route, ask(route, body), {400, 422}, tuple(field.split(".")))
        assert found == "", (path, body)
