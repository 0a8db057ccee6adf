"""Token trees as records: written with a chain of hashes, and brought back without loss."""

from __future__ import annotations

import json
from typing import Any

from django.db import transaction
from django.utils.dateparse import parse_datetime

from core.records.chain import Chain
from inference.errors import UnmaskError
from inference.models import ModelEntry
from playground.models import TokenTree, TreeToken
from playground.records.tree_schema import FORMAT, VERSION, checked
from playground.selectors.token_trees import token_payload

_COLUMNS = ("number", "parent", "token", "label", "logprob", "entropy", "rank")


def tree_record(tree: TokenTree) -> dict[str, Any]:
    """The record as plain data. It has no id: brought back twice, both copies have this record."""
    head = {
        "format": FORMAT,
        "version": VERSION,
        "tree": {
            "text": tree.text,
            "prompt_ids": tree.prompt_ids,
            "seed": tree.seed,
            "settings": tree.settings,
            "head": tree.head,
            "created": tree.created.isoformat(),
        },
        "model": {**tree.provenance, "slug": tree.model.slug, "label": tree.model.label},
    }
    chain = Chain(head)
    tokens = [token_payload(row) for row in TreeToken.objects.filter(tree=tree)]
    sealed = [{**one, "hash": chain.add(one)} for one in tokens]
    return {**head, "tokens": sealed, "chain": chain.hash}


def tree_json(tree: TokenTree) -> str:
    """The record as it is downloaded."""
    return json.dumps(tree_record(tree), ensure_ascii=False, allow_nan=False, indent=1)


@transaction.atomic
def import_tree(*, owner: Any, raw: dict[str, Any]) -> TokenTree:
    """A tree of the owner's with all that the record has. Raises UnmaskError for what is none."""
    record = checked(raw)
    entry = _model(owner, record.model.slug)
    extra = record.model.model_extra or {}
    tree = TokenTree.objects.create(
        owner=owner,
        model=entry,
        text=record.tree.text,
        prompt_ids=record.tree.prompt_ids,
        seed=record.tree.seed,
        settings=record.tree.settings.model_dump(exclude_unset=True),
        head=record.tree.head,
        provenance=extra,
        imported_from=record.chain,
    )
    TreeToken.objects.bulk_create(
        TreeToken(tree=tree, top=one.top, **{name: getattr(one, name) for name in _COLUMNS})
        for one in record.tokens
    )
    moment = parse_datetime(record.tree.created)
    if moment is not None and moment.tzinfo is not None:
        TokenTree.objects.filter(pk=tree.pk).update(created=moment)
        tree.created = moment
    return tree


def _model(user: Any, slug: str) -> ModelEntry:
    kind = ModelEntry.Kind.AUTOREGRESSIVE
    found = ModelEntry.visible_to(user).filter(slug=slug, kind=kind).first()
    if found is None:
        words = f"This history was made with the model {slug}, which is not here."
        raise UnmaskError("validation", words, "model.slug")
    return found
