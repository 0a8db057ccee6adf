"""A small server that speaks OpenAI's endpoints, and those of an Unmask, as their documents say.

`says`: what it answers, word by word. `fault`: what is wrong with it, see `FAULTS`.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

KEY = "key-for-tests"


class ModelServer(ThreadingHTTPServer):
    """`asked`: (path, body) of every request that was understood."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.says = ["Once", " upon", " a", " time"]
        self.models: list[dict[str, Any]] = [{"id": "big/model", "max_model_len": 4096}]
        self.fault = ""
        self.status = 0
        self.statuses: list[int] = []
        self.pause = 0.0
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.keys: list[str | None] = []
        self.left = threading.Event()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that go away in the middle are what some tests are about."""
        self.left.set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    server: ModelServer
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def do_GET(self) -> None:
        self.server.keys.append(self.headers.get("Authorization"))
        self._whole(self.server.status or 200, {"object": "list", "data": self.server.models})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.keys.append(self.headers.get("Authorization"))
        self.server.asked.append((self.path, body))
        status = self.server.statuses.pop(0) if self.server.statuses else self.server.status
        if status:
            self._whole(status, {"error": {"message": "secret prompt", "code": "x"}})
            return
        FAULTS.get(self.server.fault, _well)(self, body)

    def _whole(self, status: int, body: Any, kind: str = "application/json") -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        if status == 429:
            self.send_header("Retry-After", "7")
        self.end_headers()
        self.wfile.write(content)

    def begin(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream; charset=utf-8")
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True

    def event(self, data: Any) -> None:
        text = data if isinstance(data, str) else json.dumps(data)
        self.wfile.write(f"data: {text}\n\n".encode())
        self.wfile.flush()

    def chunks(self, body: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """As vLLM, SGLang and llama.cpp stream: a role, words, an end, and usage if asked for."""
        chat = "messages" in body
        yield _chunk(chat, "", role=True)
        for word in self.server.says:
            yield _chunk(chat, word, wants=body.get("logprobs"))
        yield _chunk(chat, "", finish="stop")
        if body.get("stream_options", {}).get("include_usage"):
            count = len(self.server.says)
            usage = {"prompt_tokens": 3, "completion_tokens": count, "total_tokens": 3 + count}
            yield {"choices": [], "usage": usage}


def _chunk(
    chat: bool, word: str, *, role: bool = False, finish: str | None = None, wants: Any = None
) -> dict[str, Any]:
    choice: dict[str, Any] = {"index": 0, "finish_reason": finish, "logprobs": None}
    if chat:
        choice["delta"] = {"role": "assistant", "content": ""} if role else {"content": word}
    else:
        choice["text"] = word
    if wants:
        choice["logprobs"] = _chat_logprobs(word) if chat else _text_logprobs(word)
    return {"id": "x", "object": "chunk", "choices": [choice]}


def _chat_logprobs(word: str) -> dict[str, Any]:
    top = [{"token": word, "logprob": -0.5}, {"token": " other", "logprob": -1.5}]
    return {"content": [{"token": word, "logprob": -0.5, "top_logprobs": top}]}


def _text_logprobs(word: str) -> dict[str, Any]:
    return {"tokens": [word], "token_logprobs": [-0.5], "top_logprobs": [{" o": -1.5, word: -0.5}]}


def _frames(server: ModelServer, fills: bool) -> Iterator[dict[str, Any]]:
    """As docs/service.md has them: the last word first, since a diffusion model may.

    `fills`: gaps are asked for.
    """
    words = server.says
    canvas = ["Hi", *["<m>"] * len(words)]
    yield {"type": "status", "message": "Starting text generation...", "run": "r"}
    about = {"canvas": canvas, "mask": "<m>", "prompt_length": 1, "masked": len(words)}
    yield {"type": "status", "message": "Denoising...", **about}
    for step, at in enumerate(reversed(range(len(words))), 1):
        text = "".join(words) if at == 0 else ""
        ops = [{"op": "commit", "pos": at + 1, "label": words[at]}]
        yield {"type": "step", "step": step, "text": text, "ops": ops, "masked": at}
    usage = {"prompt_tokens": 1, "completion_tokens": len(words), "steps": len(words)}
    filled = {"gaps": ["".join(words)], "full_text": "x"} if fills else {}
    end = {"finish_reason": "length", "usage": usage, **filled}
    yield {"type": "complete", "text": "".join(words), **end}


def _well(handler: Handler, body: dict[str, Any]) -> None:
    unmask = handler.path.startswith("/api/diffusion")
    fills = "/infill" in handler.path
    events = _frames(handler.server, fills) if unmask else handler.chunks(body)
    handler.begin()
    for event in events:
        handler.event(event)
        time.sleep(handler.server.pause)
    if not unmask:
        handler.event("[DONE]")


def _cut(handler: Handler, body: dict[str, Any]) -> None:
    """The connection breaks after some words."""
    handler.begin()
    for event in list(handler.chunks(body))[:3]:
        handler.event(event)


def _hang(handler: Handler, body: dict[str, Any]) -> None:
    """Some words, and then nothing for as long as the client waits."""
    _cut(handler, body)
    handler.server.left.wait(20)


def _silence(handler: Handler, body: dict[str, Any]) -> None:
    handler.server.left.wait(20)


def _junk(handler: Handler, body: dict[str, Any]) -> None:
    handler.begin()
    handler.event("{this is no json")


def _strange(handler: Handler, body: dict[str, Any]) -> None:
    handler.begin()
    handler.event({"choices": [{"delta": {"content": 5}, "text": 5}]})


def _page(handler: Handler, body: dict[str, Any]) -> None:
    """A proxy's page instead of the server's answer."""
    handler._whole(200, "<html>", "text/html")


def _endless(handler: Handler, body: dict[str, Any]) -> None:
    handler.begin()
    handler.wfile.write(b"data: ")
    for _ in range(100):
        handler.wfile.write(b"x" * 100_000)


def _fails(handler: Handler, body: dict[str, Any]) -> None:
    """A failure inside the stream, whose words repeat the prompt."""
    handler.begin()
    handler.event(next(iter(handler.chunks(body))))
    handler.event({"error": {"message": "secret prompt", "code": "rate_limit"}})


def _redirect(handler: Handler, body: dict[str, Any]) -> None:
    handler.send_response(302)
    handler.send_header("Location", "http://127.0.0.1:9/steal")
    handler.send_header("Content-Length", "0")
    handler.end_headers()


FAULTS: dict[str, Callable[[Handler, dict[str, Any]], None]] = {
    "cut": _cut,
    "hang": _hang,
    "silence": _silence,
    "junk": _junk,
    "strange": _strange,
    "page": _page,
    "endless": _endless,
    "fails": _fails,
    "redirect": _redirect,
}


@contextmanager
def model_server() -> Iterator[ModelServer]:
    server = ModelServer()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.left.set()
        server.shutdown()
        server.server_close()
        thread.join()
