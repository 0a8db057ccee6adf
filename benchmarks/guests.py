"""Guests of a served site who step through a text, one HTTP connection each."""

from __future__ import annotations

import json
from http.client import HTTPConnection, HTTPException, HTTPResponse
from typing import Any

CAUSAL = "smollm2-135m-instruct"
TEXT = "Once upon a time there was a ship that sailed"


class Person:
    """A guest with a connection and cookies of their own."""

    def __init__(self, address: str) -> None:
        self._connection = HTTPConnection(address, timeout=120)
        self._connection.request("GET", "/chat/")
        answer = self._connection.getresponse()
        answer.read()
        found = answer.headers.get_all("Set-Cookie") or []
        cookies = dict(one.split(";")[0].split("=", 1) for one in found)
        token = next(value for name, value in cookies.items() if "csrf" in name)
        joined = "; ".join(f"{name}={value}" for name, value in cookies.items())
        self._headers = {"Cookie": joined, "X-CSRFToken": token, "Accept": "application/json"}

    def post(self, path: str, body: str, kind: str = "application/json") -> dict[str, Any]:
        """The answer of a door. Raises RuntimeError for an error."""
        headers = {**self._headers, "Content-Type": kind}
        try:
            answer = self._sent(path, body, headers)
        except (ConnectionError, HTTPException):  # the server closes lines that were idle for long
            self._connection.close()
            answer = self._sent(path, body, headers)
        told: dict[str, Any] = json.loads(answer.read())
        if answer.status >= 400:
            raise RuntimeError(told.get("message") or told.get("error"))
        return told

    def _sent(self, path: str, body: str, headers: dict[str, str]) -> HTTPResponse:
        self._connection.request("POST", path, body, headers)
        return self._connection.getresponse()

    def next(self, text: str, ids: list[int], ahead: int) -> dict[str, Any]:
        """Distributions behind a text, as the drawer asks for them."""
        question = {"session_id": CAUSAL, "context": text, "token_ids": ids, "digest": True}
        return self.post("/api/generate-next-token", json.dumps({**question, "ahead": ahead}))
