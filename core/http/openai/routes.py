"""`/v1/models`, `/v1/completions`, `/v1/chat/completions`."""

from __future__ import annotations

from typing import Any

from asgiref.sync import sync_to_async
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from ninja import Router

from core import generation
from core.http import sse
from core.http.api import make_api
from core.http.openai.choices import collected, echoes, logprobs_of, started
from core.http.openai.errors import answer
from core.http.openai.forms import ChatForm, Form, TextForm, summed
from core.http.openai.requests import ChatRequest, CompletionRequest, Request
from core.http.openai.streaming import chunks
from core.http.stream_limits import check_stream
from core.http.stream_log import timed
from inference.errors import UnmaskError
from inference.models import ModelEntry

router = Router(tags=["openai"])


@router.get("/models")
def models(request: HttpRequest) -> dict[str, Any]:
    """The models that can generate here."""
    return {"object": "list", "data": [_told(entry) for entry in _usable(request.user)]}


@router.get("/models/{path:id}")
def model(request: HttpRequest, id: str) -> dict[str, Any]:
    """One of them."""
    found = next((entry for entry in _usable(request.user) if entry.slug == id), None)
    if found is None:
        raise UnmaskError("not_found", "There is no such model. See /v1/models.", "model")
    return _told(found)


def _usable(user: Any) -> list[ModelEntry]:
    rows = ModelEntry.visible_to(user).exclude(state=ModelEntry.State.ABSENT)
    return list(rows.filter(kind__in=generation.kinds()))


def _told(entry: ModelEntry) -> dict[str, Any]:
    about = {"kind": entry.kind, "label": entry.label, "context_length": entry.context}
    created = int(entry.updated.timestamp())
    return {
        "id": entry.slug, "object": "model", "created": created, "owned_by": "unmask", **about
    }  # fmt: skip


@router.post("/completions")
async def completions(request: HttpRequest, data: CompletionRequest) -> Any:
    """Continues a prompt; with a suffix fills the gap before it."""
    return await _answer(request, data, TextForm(data.model))


@router.post("/chat/completions")
async def chat_completions(request: HttpRequest, data: ChatRequest) -> Any:
    """The next turn of a conversation, read by the model's own template."""
    return await _answer(request, data, ChatForm(data.model))


async def _answer(request: HttpRequest, asked: Request, form: Form) -> Any:
    return await (_stream if asked.stream else _whole)(request, asked, form)


async def _whole(request: HttpRequest, asked: Request, form: Form) -> dict[str, Any]:
    async with timed(form.whole, request.user.pk, asked.model):
        return await _collected(request.user, asked, form)


async def _collected(user: Any, asked: Request, form: Form) -> dict[str, Any]:
    form.echo = await echoes(user, asked)
    if not asked.writes:
        told = [form.choice(index, "", "length", []) for index in range(len(form.echo))]
        return form.answer(told, form.echo_usage())
    choices = await started(user, asked)
    found = await collected(user, choices)
    told, usages = [], []
    for choice, one in zip(choices, found, strict=True):
        assert one.done is not None
        tokens = await logprobs_of(user, choice, asked)
        told.append(form.choice(choice.index, one.text, one.done["finish_reason"], tokens))
        usages.append(one.done["usage"])
    return form.answer(told, summed(usages))


async def _stream(request: HttpRequest, asked: Request, form: Form) -> HttpResponseBase:
    await sync_to_async(check_stream)(request)
    form.echo = await echoes(request.user, asked)
    choices = await started(request.user, asked) if asked.writes else []
    parts = chunks(request.user, asked, form, choices)
    return sse.respond(parts, form.chunk, request.user.pk, asked.model)


api = make_api(
    answer,
    title="Unmask: OpenAI-compatible",
    version="v1",
    urls_namespace="openai",
    docs_url=None,
    openapi_url="/openapi.json",
)
api.add_router("", router)
