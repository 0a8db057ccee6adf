"""A training in a process of its own: `python -m inference.engine.training.texts.child`.

The first line of its input is the order as JSON; every line of its output is JSON too, as
`TextTraining.run` tells it, or {type: error, message, field}. The line `end` asks for an end after
the step in the making. Where the input ends, whoever wanted the training is gone: so is it.
"""

from __future__ import annotations

import json
import os
import sys
import threading

import torch

from inference.engine.errors import EngineError
from inference.engine.training.texts.session import Order, TextTraining, Told, order_of

NICE = 10
"""Others come first: a training takes what they leave."""


def main() -> None:
    """Train as the input says."""
    order = order_of(json.loads(sys.stdin.readline()))
    wanted_end = threading.Event()
    threading.Thread(target=_listen, args=(wanted_end,), daemon=True).start()
    os.nice(NICE)
    if order.threads:
        torch.set_num_threads(order.threads)
    try:
        _train(order, wanted_end)
    except EngineError as error:
        _tell({"type": "error", "message": error.message, "field": error.field})


def _train(order: Order, wanted_end: threading.Event) -> None:
    for told in TextTraining(order).run(wanted_end.is_set):
        _tell(told)


def _listen(wanted_end: threading.Event) -> None:
    for _ in sys.stdin:
        wanted_end.set()
    os._exit(1)


def _tell(told: Told) -> None:
    sys.stdout.write(json.dumps(told) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
