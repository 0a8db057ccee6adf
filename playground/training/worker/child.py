"""A training's child process: started, listened to, asked to end.

Training has a process of its own so that it holds neither the interpreter's lock nor the engine's
thread, and so that nothing of it can take a worker down.
"""

from __future__ import annotations

import json
import queue
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from django.conf import settings

from inference.engine.training.texts.session import Order, order_json
from inference.errors import UnmaskError

CHILD = "inference.engine.training.texts.child"
STOP_SECONDS = 60.0
"""A child that has not ended so long after it was asked is killed."""
Told = dict[str, Any]


class Source(Protocol):
    """Where a slice hears of a training."""

    def read(self, seconds: float) -> list[Told]:
        """All that was told since, waiting for it at most so long. Raises UnmaskError."""

    def end(self) -> None:
        """Ask for an end after the step in the making."""


class Child:
    """A running child. Its last line is `ended` or `error`."""

    def __init__(self, order: Order) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", CHILD],
            cwd=settings.BASE_DIR,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            start_new_session=True,  # Ctrl-C is its parent's, which asks it to end
        )
        self._lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        threading.Thread(target=self._listen, daemon=True).start()
        self._write(json.dumps(order_json(order)))

    def read(self, seconds: float) -> list[Told]:
        """Lines since the last call, waiting up to `seconds` for the first one."""
        found = list[Told]()
        try:
            while True:
                line = self._lines.get(timeout=0 if found else seconds)
                if line is None:
                    self._lines.put(None)
                    return found or self._gone()
                found.append(json.loads(line))
        except queue.Empty:
            return found

    def end(self) -> None:
        """Ask it to end after the step in the making."""
        self._write("end")

    def close(self) -> None:
        """Whether it has ended or not, it is gone afterwards."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                try:
                    pipe.close()
                except OSError:  # what was still to be written to it
                    continue

    @property
    def pid(self) -> int:
        return self._process.pid

    def _write(self, line: str) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(line + "\n")
            self._process.stdin.flush()
        except OSError:
            pass  # it is gone; reading says so

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(line)
        self._lines.put(None)

    def _gone(self) -> list[Told]:
        code = self._process.wait()
        raise UnmaskError(
            "generation",
            f"The process that trained ended by itself (code {code}); if it happens again, choose "
            "a smaller model.",
        )


@contextmanager
def started(order: Order) -> Iterator[Source]:
    """The child of an order; however the block ends, so does the child."""
    child = Child(order)
    try:
        yield child
    finally:
        child.close()
