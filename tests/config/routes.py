"""Every route that programs ask: those of the OpenAPI documents, and the playground's own views."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from django.urls import URLPattern, URLResolver, get_resolver

from config.api import api, openai
from playground.commands.schemas import Send
from playground.commands.token_schemas import KeepTree, NextToken, ScoreBoth, ScoreText
from playground.records.tree_schema import TreeRecord
from tests.openapi import document

Body = dict[str, Any]
TEXT = "Once <gap> and <gap> of <gap>."
PLACES: list[Body] = [
    {"kind": "choices", "choices": ["a", "b"]},
    {"kind": "yes_no", "yes": "yes", "no": "no"},
    {"kind": "scale", "low": 1, "high": 5},
]
EXAMPLE = {"text": TEXT, "labels": ["a", "no", "3"]}
TURNS = [{"role": "user", "content": "Hello"}]
ANSWER = {"type": "json_schema", "json_schema": {"name": "answer", "schema": {"type": "object"}}}
OPENAI: Body = {"model": "stories", "stop": ["."], "response_format": ANSWER}
GENERATE: Body = {"prompt": "Once", "stop": ["."]}
INFILL: Body = {"pieces": ["Once", "end."], "lengths": [2]}
D = "/api/diffusion"
GOOD: dict[str, Body] = {
    f"{D}/models/{{id}}/load": {"device": "cpu"},
    f"{D}/generate": GENERATE,
    f"{D}/generate/stream": GENERATE,
    f"{D}/infill": INFILL,
    f"{D}/infill/stream": INFILL,
    f"{D}/batch/generate": {"requests": [{"messages": TURNS}]},
    f"{D}/batch/infill": {"requests": [INFILL]},
    f"{D}/decide": {"text": TEXT, "places": PLACES},
    f"{D}/calibrations": {"places": PLACES, "examples": [EXAMPLE] * 10},
    f"{D}/downloads": {"repository": "lab/tiny"},
    f"{D}/directories": {"root": "models", "folder": "tiny", "slug": "lab/tiny"},
    "/v1/completions": {**OPENAI, "prompt": ["Once"]},
    "/v1/chat/completions": {
        **OPENAI,
        "messages": [{"role": "user", "content": [{"type": "text", "text": "Hello"}]}],
    },
    "/api/chat": {"message": "Hello", "settings": {"max_new_tokens": 4}},
    "/api/generate-next-token": {"session_id": "plain", "context": "Once", "token_ids": [1]},
    "/api/score-text": {"model": "plain", "text": "Once"},
    "/api/score-both": {"model": "plain", "masked_model": "stories", "text": "Once"},
    "/api/token-trees": {
        "model": "plain",
        "text": "Once",
        "tokens": [{"parent": 0, "token": 1}],
        "settings": {"temperature": 0.5},
    },
}
"""A body for each route that takes one, in which one thing at a time is made wrong."""

PLAIN: dict[str, tuple[tuple[str, ...], Any]] = {
    "api_chat": (("post",), Send),
    "generate_next_token": (("post",), NextToken),
    "score_both": (("post",), ScoreBoth),
    "score_text": (("post",), ScoreText),
    "token_trees": (("get", "post"), KeepTree),
    "import_tree": (("post",), TreeRecord),
    "token_tree": (("get", "delete"), None),
    "export_tree": (("get",), None),
    "passes": (("get",), None),
}
"""Views below /api that no document describes: their methods, and what the body is checked by."""
RENAMED = {"generate_next_token": {"model": "session_id"}}
"""Fields that have another name outside."""


KINDS = ("invalid_request_error", "not_found_error", "authentication_error")


@dataclass(frozen=True)
class Route:
    """A path and a method; `schema` is that of its body, None without one."""

    method: str
    path: str
    parameters: tuple[str, ...] = ()
    headers: tuple[str, ...] = ()
    schema: Body | None = None
    names: Body = field(default_factory=dict)

    @property
    def id(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def repeats(self) -> bool:
        """Whether its body is that of another route, where every case of it is tried."""
        return self.path.endswith("/stream") or "/batch/" in self.path

    @property
    def statuses(self) -> set[int]:
        """What a field that is not as declared is answered with."""
        return {422} if self.path.startswith(D) else {400}

    def shape(self, told: Body) -> Body:
        """A failure in the one shape; `/v1` says the same in the words of OpenAI's clients."""
        if not self.path.startswith("/v1"):
            return told
        error = dict(told["error"])
        assert error.pop("type") in KINDS, told
        field = error.pop("param")
        named = {"type": "error", "error_type": error.pop("code"), **error}
        return named | ({"field": field} if field else {})


def routes() -> list[Route]:
    return [*_typed(api), *_typed(openai), *_plain()]


def _typed(door: Any) -> Iterator[Route]:
    told = document(door)
    for path, methods in told["paths"].items():
        for method, about in methods.items():
            named = about.get("parameters", ())
            content = about.get("requestBody", {}).get("content", {})
            yield Route(
                method,
                path,
                tuple(one["name"] for one in named if one["in"] == "path"),
                tuple(one["name"] for one in named if one["in"] == "header"),
                content.get("application/json", {}).get("schema"),
                told["components"]["schemas"],
            )


def _plain() -> Iterator[Route]:
    for name, path in _untyped():
        methods, model = PLAIN.get(name, ((), None))
        assert methods, f"{path} has no row in PLAIN"
        schema = _renamed(model.model_json_schema(), RENAMED.get(name, {})) if model else None
        parameters = tuple(re.findall(r"\{(\w+)\}", path))
        for method in methods:
            body = schema if method == "post" else None
            headers = ("Last-Event-ID",) if name == "passes" else ()
            yield Route(method, path, parameters, headers, body, (body or {}).get("$defs", {}))


def _renamed(schema: Body, names: dict[str, str]) -> Body:
    for old, new in names.items():
        schema["properties"][new] = schema["properties"].pop(old)
        schema["required"] = [new if one == old else one for one in schema["required"]]
    return schema


def _untyped() -> list[tuple[str, str]]:
    """(name, path) of what lies below /api and is none of ninja's routes."""
    found = dict(_named(get_resolver(), "/"))
    typed = set(document(api)["paths"])
    return [
        (name, path)
        for path, name in found.items()
        if path.startswith("/api/") and path not in typed and name not in _NINJAS
    ]


_NINJAS = {"openapi-json", "openapi-view", "api-root"}


def _named(part: URLResolver, before: str) -> Iterator[tuple[str, str]]:
    for one in part.url_patterns:
        path = before + re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", str(one.pattern))
        if isinstance(one, URLPattern):
            yield path, str(one.name)
        else:
            yield from _named(one, path)
