"""Keeping token trees: new ones, tokens that are added, putting away, changing hands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.utils import timezone

from inference.errors import UnmaskError
from playground.models import TokenTree, TreeToken

MOST_TOKENS = 4096
"""Tokens of a tree in all its branches."""
Edge = tuple[int, int]
"""Number of the parent and id of the token."""


@dataclass(frozen=True, slots=True)
class NewToken:
    """A token with what the model says of it. `parent`: place in the list from 1; 0 is the text."""

    parent: int
    token: int
    label: str
    logprob: float
    entropy: float
    rank: int
    top: list[tuple[int, str, float]]


def known_edges(tree: TokenTree) -> dict[Edge, int]:
    """(parent, token) → number of everything that is kept."""
    rows = TreeToken.objects.filter(tree=tree).values_list("parent", "token", "number")
    return {(parent, token): number for parent, token, number in rows}


def hold(tree: TokenTree) -> None:
    """Inside a transaction: nobody changes the tree until the end."""
    rows = TokenTree.objects.select_for_update(no_key=True)
    tree.refresh_from_db(from_queryset=rows)


@transaction.atomic
def add_tokens(*, tree: TokenTree, tokens: Sequence[NewToken | Edge]) -> list[int]:
    """The numbers of all `tokens` in the tree; those that it has already are not added again.

    Edges stand for what is kept; parents are places in the list. Raises UnmaskError (conflict) if
    the tree would get too large.
    """
    hold(tree)
    numbers, known, rows = [0], known_edges(tree), []
    for one in tokens:
        parent, token = (one.parent, one.token) if isinstance(one, NewToken) else one
        edge = numbers[parent], token
        if edge not in known:
            assert isinstance(one, NewToken)
            known[edge] = len(known) + 1
            rows.append(_row(tree, known[edge], edge, one))
        numbers.append(known[edge])
    if len(known) > MOST_TOKENS:
        raise UnmaskError("conflict", f"A history has {MOST_TOKENS} tokens at most; begin another.")
    TreeToken.objects.bulk_create(rows)
    return numbers[1:]


def _row(tree: TokenTree, number: int, edge: Edge, one: NewToken) -> TreeToken:
    told = {name: getattr(one, name) for name in ("label", "logprob", "entropy", "rank", "top")}
    return TreeToken(tree=tree, number=number, parent=edge[0], token=edge[1], **told)


def set_head(*, tree: TokenTree, head: int, settings: dict[str, Any]) -> None:
    """What is looked at, and how tokens are chosen."""
    tree.head, tree.settings = head, settings
    tree.save(update_fields=["head", "settings", "updated"])


def delete_tree(*, tree: TokenTree) -> None:
    """Put it away."""
    TokenTree.objects.filter(pk=tree.pk).update(deleted=timezone.now())


def hand_over(*, giver: Any, taker: Any) -> None:
    """Inside a transaction: give all trees to another account."""
    TokenTree.objects.filter(owner=giver).update(owner=taker)
