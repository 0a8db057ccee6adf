"""What is sent to a server and what its stream means: OpenAI's protocol, and that of an Unmask."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from inference.errors import ERROR_TYPES, UnmaskError
from inference.models import ModelEntry
from inference.remote_backends import RemoteBackend, backend_of, diffuses
from library.worker.remote.client import Down, junk

TOP = 5
"""Alternatives that are asked for with each token, from servers that tell log-probabilities."""
FINISH = {"stop": "stop", "length": "length"}
DONE = "[DONE]"
Data = dict[str, Any]


@dataclass(slots=True)
class Piece:
    """What a line of a stream told. `finish`: it is over, and why."""

    text: str = ""
    drafts: list[Data] = field(default_factory=list)
    tokens: list[Any] = field(default_factory=list)
    usage: Data | None = None
    finish: str | None = None


Read = Callable[[RemoteBackend, Data], Piece]


@dataclass(frozen=True, slots=True)
class Call:
    """A request: where, what, and how to read a chunk of the answer."""

    path: str
    body: Data
    read: Read


def call_for(model: ModelEntry, prompt: Data, settings: Data) -> Call:
    """What to ask the server of a model. `prompt`, `settings`: as rows keep them."""
    backend = backend_of(model)
    asked = {name: settings[name] for name in backend.about.settings if _asked(settings, name)}
    if diffuses(model):
        return _unmask_call(model.path, prompt, asked)
    return _openai_call(backend, model.path, prompt, asked)


def _asked(settings: Data, name: str) -> bool:
    return settings.get(name) not in (None, [], (), {}, "")


def _openai_call(backend: RemoteBackend, model: str, prompt: Data, asked: Data) -> Call:
    body: Data = {"model": model, "stream": True, **asked}
    body["stream_options"] = {"include_usage": True}
    if "max_new_tokens" in body:
        body["max_tokens"] = body.pop("max_new_tokens")
    if prompt["messages"]:
        body["messages"] = prompt["messages"]
        body |= {"logprobs": True, "top_logprobs": TOP} if backend.about.logprobs else {}
        return Call("/v1/chat/completions", body, read_chat)
    body["prompt"] = prompt["text"] or prompt["ids"]
    body |= {"logprobs": TOP} if backend.about.logprobs else {}
    return Call("/v1/completions", body, read_text)


def _unmask_call(model: str, prompt: Data, asked: Data) -> Call:
    """Nothing of the account there, neither its defaults nor its filters, changes the text."""
    plain = {"auto_trim": False, "fix_punctuation": False, "history": False}
    body: Data = {"model": model, **asked, **plain}
    if prompt["pieces"]:
        lengths = [gap or None for gap in prompt["gaps"]]
        body |= {"pieces": prompt["pieces"], "lengths": lengths}
        body.setdefault("max_new_tokens", prompt["longest_gap"])
        return Call("/api/diffusion/infill/stream", body, read_unmask)
    if prompt["messages"]:
        body["messages"] = prompt["messages"]
    else:
        body |= {"prompt": prompt["text"], "special_tokens": prompt["special_tokens"]}
    return Call("/api/diffusion/generate/stream", body, read_unmask)


def pieces(backend: RemoteBackend, call: Call, lines: Iterator[str]) -> Iterator[Piece]:
    """What the lines of a stream tell, to its end. Raises UnmaskError where it is cut or junk."""
    finished = False
    for line in lines:
        if not line.startswith("data:"):
            continue  # comments, ids, names of events, empty lines
        text = line[5:].strip()
        if text == DONE:
            return
        piece = _guarded_read(backend, call.read, text)
        finished = finished or piece.finish is not None
        yield piece
    if not finished:
        raise Down("network", f"{backend.name} broke off in the middle of its answer. Try again.")


def _guarded_read(backend: RemoteBackend, read: Read, text: str) -> Piece:
    try:
        data = json.loads(text)
        if "error" in data and "choices" not in data:
            raise _failure(backend, data["error"])
        return read(backend, data)
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError):
        raise junk(backend) from None


def _failure(backend: RemoteBackend, told: Any) -> UnmaskError:
    """A failure inside a stream; its words may repeat the prompt, so they are not passed on."""
    code = told.get("code") if isinstance(told, dict) else None
    known = isinstance(code, str) and code in ERROR_TYPES
    return Down(str(code) if known else "generation", f"{backend.name} failed while it wrote.")


def read_text(backend: RemoteBackend, data: Data) -> Piece:
    """A chunk of /v1/completions."""
    return _openai_piece(data, lambda choice: choice.get("text"), _text_tokens)


def read_chat(backend: RemoteBackend, data: Data) -> Piece:
    """A chunk of /v1/chat/completions."""
    return _openai_piece(data, lambda choice: choice["delta"].get("content"), _chat_tokens)


def _openai_piece(
    data: Data, text_of: Callable[[Data], Any], tokens_of: Callable[[Any], list[Any]]
) -> Piece:
    piece = Piece(usage=_usage(data.get("usage")))
    for choice in data["choices"][:1]:
        piece.text = _text(text_of(choice))
        piece.tokens = tokens_of(choice.get("logprobs"))
        if choice.get("finish_reason") is not None:
            piece.finish = FINISH.get(str(choice["finish_reason"]), "stop")
    return piece


def _text(value: Any) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise TypeError("text is no text")
    return value.replace("\0", "")


def _usage(told: Any) -> Data | None:
    if not told:
        return None
    names = ("prompt_tokens", "completion_tokens", "total_tokens")
    usage = {name: int(told[name]) for name in names if name in told}
    return {**usage, "steps": usage.get("completion_tokens", 0)}


def _text_tokens(told: Any) -> list[Any]:
    if not told or not told.get("tokens"):
        return []
    tops = told.get("top_logprobs") or [None] * len(told["tokens"])
    rows = zip(told["tokens"], told["token_logprobs"], tops, strict=True)
    return [[_text(t), float(p), _best((top or {}).items())] for t, p, top in rows]


def _chat_tokens(told: Any) -> list[Any]:
    found = (told or {}).get("content") or []
    return [
        [
            _text(one["token"]),
            float(one["logprob"]),
            _best((top["token"], top["logprob"]) for top in one.get("top_logprobs") or ()),
        ]
        for one in found
    ]


def _best(pairs: Any) -> list[list[Any]]:
    found = [(_text(token), float(logprob)) for token, logprob in pairs]
    return [list(pair) for pair in sorted(found, key=lambda pair: -pair[1])[:TOP]]


def read_unmask(backend: RemoteBackend, data: Data) -> Piece:
    """A frame of another Unmask's stream (docs/service.md)."""
    return _FRAMES[data["type"]](backend, data)


def _status(backend: RemoteBackend, data: Data) -> Piece:
    if "canvas" not in data:
        return Piece()
    canvas = [_text(label) for label in data["canvas"]]
    draft = {"step": 0, "ops": [], "canvas": canvas, "mask": _text(data.get("mask", "[MASK]"))}
    about = {"masked": int(data["masked"]), "prompt_length": int(data["prompt_length"])}
    return Piece(drafts=[draft | about])


def _step(backend: RemoteBackend, data: Data) -> Piece:
    draft = {"step": int(data["step"]), "ops": list(data["ops"]), "masked": int(data["masked"])}
    return Piece(text=_text(data["text"]), drafts=[draft])


def _complete(backend: RemoteBackend, data: Data) -> Piece:
    usage = dict(data["usage"]) | {k: data[k] for k in ("gaps", "full_text") if k in data}
    reason = str(data["finish_reason"])
    return Piece(usage=usage, finish=reason if reason in ("length", "cancelled") else "stop")


def _error(backend: RemoteBackend, data: Data) -> Piece:
    raise _failure(backend, {"code": data.get("error_type")})


_FRAMES: dict[str, Callable[[RemoteBackend, Data], Piece]] = {
    "status": _status,
    "step": _step,
    "complete": _complete,
    "error": _error,
}
