"""What the page shows of a turn, prepared for its template."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.safestring import SafeString, mark_safe

from inference.models import ModelEntry
from playground.models import Message
from playground.selectors.line import Turn
from playground.selectors.payloads import speed_of

NAMES = {Message.Role.USER: "You", Message.Role.ASSISTANT: "Model"}
ENDS = {
    "length": "Cut off: it reached the length that was asked for. Continue writes on.",
    "cancelled": "Stopped. What was written stays; Continue writes on.",
}
ENDS_ELSEWHERE = {
    "length": "Cut off: it reached the length that was asked for.",
    "cancelled": "Stopped. What was written stays.",
}
"""Of models on another server, which cannot write on."""


@dataclass(frozen=True, slots=True)
class ShownTurn:
    """A message with its place among its siblings (1 is the first) and its neighbours' ids."""

    message: Message
    number: int
    count: int
    previous: int | None
    next: int | None

    @property
    def name(self) -> str:
        return NAMES[Message.Role(self.message.role)]

    @property
    def html(self) -> SafeString:
        """What the server rendered and sanitised when the message was finished."""
        return mark_safe(self.message.html)

    @property
    def key(self) -> str:
        """The same as long as the turn is drawn the same."""
        moment = self.message.updated.timestamp()
        return f"{self.message.status}-{moment:.6f}-{self.number}-{self.count}"

    @property
    def has_tokens(self) -> bool:
        """Whether its tokens are kept one by one, with what else was likely."""
        return self._is_made_by(ModelEntry.Kind.AUTOREGRESSIVE)

    @property
    def has_steps(self) -> bool:
        """Whether it formed on a canvas whose steps are kept."""
        return self._is_made_by(ModelEntry.Kind.DIFFUSION)

    def _is_made_by(self, kind: str) -> bool:
        model = self.message.model
        return self.message.generation is not None and model is not None and model.kind == kind

    @property
    def is_answer(self) -> bool:
        return self.message.role == Message.Role.ASSISTANT

    @property
    def is_active(self) -> bool:
        return self.message.status in Message.ACTIVE

    @property
    def can_continue(self) -> bool:
        """Whether there is more to be had: stopped, cut off, or failed on the way."""
        if self._is_made_by(ModelEntry.Kind.REMOTE):
            return False
        ended = self.message.status in (Message.Status.STOPPED, Message.Status.FAILED)
        return self.is_answer and (ended or self.message.finish_reason == "length")

    @property
    def end(self) -> str:
        """Why the answer ended, where that is not by itself."""
        elsewhere = self._is_made_by(ModelEntry.Kind.REMOTE)
        return (ENDS_ELSEWHERE if elsewhere else ENDS).get(self.message.finish_reason, "")

    @property
    def speed(self) -> float:
        return speed_of(self.message.usage, self.message.seconds)


def shown_turn(turn: Turn) -> ShownTurn:
    """The turn with its place among its siblings."""
    siblings = turn.siblings
    at = siblings.index(turn.message.pk)
    before = siblings[at - 1] if at else None
    after = siblings[at + 1] if at + 1 < len(siblings) else None
    return ShownTurn(turn.message, at + 1, len(siblings), before, after)
