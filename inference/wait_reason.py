"""What a request waits for before a worker takes it up, in words."""

from __future__ import annotations

from inference import registry
from inference.models import ModelEntry

State = ModelEntry.State


def wait_reason(model: ModelEntry | None, what: str) -> str:
    """A sentence or two; `what` happens afterwards: "The session starts".

    `model` None: it is not known which one is waited for.
    """
    if not registry.living_workers():
        return f"No worker is running. {what} as soon as one is."
    if model is None or model.state == State.LOADED:
        return f"In the queue. {what} as soon as a worker is free."
    if model.state == State.LOADING:
        return f"Loading {model.label}: {model.progress:.0%}."
    return f"{model.label} is waiting to be loaded."
