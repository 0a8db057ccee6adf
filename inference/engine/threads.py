"""CPU threads of a forward: one where it is so small that helpers would be waited for.

Helpers meet the engine's thread at the end of each operation, and spin until then. Where the
operations of a small model take microseconds, that gains little on an idle machine; on one whose
cores others use as well, each meeting waits for whoever has been put aside, and the forward takes
several times as long (`make bench ARGS=threads`). The other cores are not lost: whoever writes a
step down works beside the next one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch

from inference.engine.checkpoint import LoadedModel

SMALL_MODEL = 10_000_000
"""Parameters up to which the weights lie in a core's own cache, so that one core reads them all."""
SMALL_FORWARD = 200_000_000
"""Parameters times tokens below which a forward is done by one thread: some milliseconds."""


def take_for(model: LoadedModel, requests: Sequence[Any], most: int) -> None:
    """Let the calling thread use what the forward of these requests, each with `ids`, is worth.

    That is one thread or `most`; who begins to compute in another thread meanwhile gets the same.
    """
    tokens = sum(len(request.ids) for request in requests)
    torch.set_num_threads(threads_for(model.parameters, tokens, most))


def threads_for(parameters: int, tokens: int, most: int) -> int:
    """How many of at most `most` threads a forward of so many tokens is worth."""
    small = parameters <= SMALL_MODEL and parameters * tokens <= SMALL_FORWARD
    return 1 if small else most


@contextmanager
def using_threads(count: int) -> Iterator[None]:
    """The calling thread has so many threads for an operation, and then as many as before.

    One where many operations are small, or others compute beside it: helpers are waited for.
    """
    usual = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(usual)
