"""Texts of an account's own: checked, counted, kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db import transaction

from inference.errors import UnmaskError
from playground.training.models import Text
from playground.training.selectors.quotas import MOST_TEXTS, texts_quota

LEAST, MOST = 400, 2_000_000
"""Characters of a text."""


@transaction.atomic
def create_text(*, owner: Any, name: str, text: str, field: str = "text") -> Text:
    """Keep a text. Raises UnmaskError naming `field` for one from which nothing can be learned,
    and for one too many."""
    text = checked_text(text, field)
    size = len(text.encode())
    if Text.objects.filter(owner=owner).count() >= MOST_TEXTS:
        raise UnmaskError("conflict", f"An account has at most {MOST_TEXTS} texts. Delete one.")
    quota = texts_quota(owner)
    if size > quota.left:
        most = int(quota.most) >> 20
        raise UnmaskError("conflict", f"Your texts would take more than {most} MB. Delete one.")
    columns = {"characters": len(text), "size": size}
    return Text.objects.create(owner=owner, name=name, text=text, **columns)


def checked_text(text: str, field: str) -> str:
    """The text with plain line ends. Raises UnmaskError for what no model can learn from."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    for wrong, why in _FAULTS:
        if wrong(text):
            raise UnmaskError("validation", why, field)
    return text


_FAULTS: tuple[tuple[Callable[[str], bool], str], ...] = (
    (lambda text: not text.strip(), "The text is empty."),
    (lambda text: len(text) > MOST, f"The text is longer than {MOST:,} characters."),
    (lambda text: "\0" in text, "The text holds NUL characters: this is no plain text."),
    (
        lambda text: any("\ud800" <= one <= "\udfff" for one in text),
        "The text holds halves of characters (unpaired surrogates).",
    ),
    (
        lambda text: _control_share(text) > 0.01,
        "The text holds control characters: this is no plain text.",
    ),
    (lambda text: len(text) < LEAST, f"The text has fewer than {LEAST} characters."),
    (
        lambda text: len(set("".join(text.split()))) < 2,
        "The text repeats one character; there is nothing to learn.",
    ),
)


def _control_share(text: str) -> float:
    return sum(one < " " and one not in "\n\t\f" for one in text) / len(text)


def delete_text(*, text: Text) -> None:
    """Forget a text. Trainings on it keep what they have, and cannot go on."""
    text.delete()
