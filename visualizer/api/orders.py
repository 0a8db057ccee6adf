"""Requests that have been read: what to start, and how to tell of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from core import generation
from core.generation import Generation, Prompt, Settings
from inference.errors import UnmaskError
from visualizer.api import model_list
from visualizer.api.defaults import with_defaults
from visualizer.api.prompts import gaps_of, prompt_of, settings_of
from visualizer.api.requests import Decoding, GenerateRequest, InfillRequest
from visualizer.api.text_filters import TextFilter

GENERATING = "Starting text generation..."
INFILLING = "Starting text infilling..."


@dataclass(frozen=True, slots=True)
class Order:
    """A request that has been read: what to start, and how to tell of it."""

    user: Any
    asked: Decoding
    prompt: Prompt
    settings: Settings
    message: str

    @property
    def route(self) -> str:
        """What its duration is kept under; that of its stream with `/stream` behind it."""
        return "infill" if self.prompt.pieces else "generate"

    @property
    def text_filter(self) -> TextFilter:
        """A fresh one: it remembers what it was fed."""
        return TextFilter(bool(self.asked.auto_trim), bool(self.asked.fix_punctuation))


def text_order(user: Any, asked: GenerateRequest) -> Order:
    """Raises UnmaskError for what does not fit together."""
    asked = with_defaults(user, asked)
    return Order(user, asked, prompt_of(asked), settings_of(asked), GENERATING)


def infill_order(user: Any, asked: InfillRequest) -> Order:
    """Raises UnmaskError for what does not fit together."""
    asked = with_defaults(user, asked)
    return Order(user, asked, gaps_of(asked), settings_of(asked), INFILLING)


def all_orders(
    read: Callable[[Any, Any], Order], user: Any, requests: Sequence[Decoding]
) -> list[Order]:
    """Those of a batch. Raises UnmaskError naming the request that does not fit, and its field."""
    orders = []
    for number, asked in enumerate(requests):
        try:
            orders.append(read(user, asked))
        except UnmaskError as error:
            field = ".".join(filter(None, ("requests", str(number), error.field)))
            raise UnmaskError(error.error_type, error.message, field) from None
    return orders


def start(order: Order) -> Generation:
    """Write the generation down. Raises UnmaskError for a model that cannot be used."""
    entry = model_list.usable(order.asked.model, order.user)
    return generation.start(
        user=order.user, model=entry.slug, prompt=order.prompt, settings=order.settings
    )
