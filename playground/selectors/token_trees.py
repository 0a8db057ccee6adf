"""The doors to kept token trees: each takes the user."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import Count, QuerySet

from inference.errors import UnmaskError
from playground.models import TokenTree, TreeToken

SHOWN = 50
BEGINNING = 80


def trees_of(user: Any) -> QuerySet[TokenTree]:
    """The user's trees, the newest first."""
    return TokenTree.objects.filter(owner=user, deleted=None).select_related("model")


def tree_for(user: Any, id: UUID | str) -> TokenTree:
    """The user's tree. Raises not_found for strangers exactly as for ids that never were."""
    found = trees_of(user).filter(pk=id).first()
    if found is None:
        raise UnmaskError("not_found", "There is no such history, or it is not yours.", "tree_id")
    return found


def list_payload(user: Any) -> list[dict[str, Any]]:
    """The newest trees in a line each."""
    rows = trees_of(user).annotate(size=Count("tokens"))[:SHOWN]
    return [{**summary(row), "size": row.size} for row in rows]


def summary(tree: TokenTree) -> dict[str, Any]:
    """What a list shows of a tree."""
    line = " ".join(tree.text.split())
    return {
        "id": str(tree.pk),
        "text": line if len(line) <= BEGINNING else line[: BEGINNING - 1] + "…",
        "model": tree.model.slug,
        "model_label": tree.model.label,
        "updated": tree.updated.isoformat(timespec="seconds"),
    }


def tree_payload(tree: TokenTree) -> dict[str, Any]:
    """The whole tree; parents stand before their children."""
    return {
        **summary(tree),
        "text": tree.text,
        "seed": tree.seed,
        "settings": tree.settings,
        "head": tree.head,
        "tokens": [token_payload(row) for row in TreeToken.objects.filter(tree=tree)],
    }


def token_payload(row: TreeToken) -> dict[str, Any]:
    """A token as pages and records have it."""
    names = ("number", "parent", "token", "label", "logprob", "entropy", "rank", "top")
    return {name: getattr(row, name) for name in names}
