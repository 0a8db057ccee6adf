"""Full-text search: texts by FTS5 (SQLite) or a text-search index (PostgreSQL), titles by words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db import connection
from django.db.models import Q, QuerySet
from django.db.models.expressions import RawSQL

from playground.models import Conversation, Message

MOST_WORDS = 12
Rows = QuerySet[Conversation]


def matching(rows: Rows, words: str) -> Rows:
    """Conversations with a text in which every word begins one, or a title that holds them all.

    All conversations where there is no word.
    """
    found = "".join(c if c.isalnum() else " " for c in words).split()[:MOST_WORDS]
    if not found:
        return rows
    titled = Q(pk__isnull=False)
    for word in found:
        titled &= Q(title__icontains=word)
    messages = Message.objects.filter(pk__in=_VENDORS[connection.vendor](found))
    return rows.filter(titled | Q(pk__in=messages.values("conversation")))


def _sqlite(words: list[str]) -> Any:
    query = " ".join(f'"{word}"*' for word in words)
    sql = "SELECT rowid FROM playground_message_fts WHERE playground_message_fts MATCH %s"
    return RawSQL(sql, (query,))


def _postgresql(words: list[str]) -> Any:
    """The same expression as that of the index."""
    query = " & ".join(f"{word}:*" for word in words)
    sql = (
        "SELECT id FROM playground_message WHERE to_tsvector('simple'::regconfig, text) "
        "@@ to_tsquery('simple'::regconfig, %s)"
    )
    return RawSQL(sql, (query,))


_VENDORS: dict[str, Callable[[list[str]], Any]] = {
    "sqlite": _sqlite,
    "postgresql": _postgresql,
}
