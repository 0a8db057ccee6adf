"""Keeping a token tree: the model judges what is new, line by line, before anything is written."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from inference import registry, runtime
from inference.engine.causal.results import Judged
from inference.engine.checkpoint import LoadedModel
from inference.errors import UnmaskError
from inference.runtime import causal
from inference.runtime.provenance import provenance_of
from playground.commands.table import Request
from playground.models import TokenTree
from playground.selectors.token_trees import summary, tree_for
from playground.services.token_trees import Edge, NewToken, add_tokens, known_edges, set_head
from playground.worker.completions import label_of
from playground.worker.next_token import started, tokenizer_of
from playground.worker.scores import TOP, top_of

Reply = dict[str, Any]


def keep_tree(request: Request) -> Callable[[], Reply]:
    """tree_kept: the tree, and the number that each of the tokens has in it."""
    asked = request.message
    entry = registry.resolve(asked.model, request.user)
    tree = _tree_of(request, entry.pk)
    model = runtime.load(entry)
    ids = tree.prompt_ids if tree else started(model, tokenizer_of(model), asked.text)
    edges = [(one.parent, one.token) for one in asked.tokens]
    tokens = _judged(model, ids, edges, _known(tree, edges))

    def write() -> Reply:
        kept = tree or TokenTree.objects.create(
            owner=request.user,
            model=entry,
            text=asked.text,
            prompt_ids=ids,
            seed=asked.seed,
            provenance=provenance_of(model),
        )
        numbers = add_tokens(tree=kept, tokens=tokens)
        head = numbers[asked.head - 1] if asked.head else 0
        set_head(tree=kept, head=head, settings=asked.settings.model_dump(exclude_none=True))
        return {"type": "tree_kept", "tree": summary(kept), "numbers": numbers}

    return write


def _tree_of(request: Request, model: int) -> TokenTree | None:
    """The named tree. Raises UnmaskError where its text or model is another one."""
    asked = request.message
    if asked.tree_id is None:
        return None
    tree = tree_for(request.user, asked.tree_id)
    if (tree.text, tree.model_id) != (asked.text, model):
        raise UnmaskError("conflict", "This history grows from another text or model.", "tree_id")
    return tree


def _known(tree: TokenTree | None, edges: Sequence[Edge]) -> list[bool]:
    """Which of the edges the tree has already."""
    kept = known_edges(tree) if tree else {}
    numbers: list[int | None] = [0]
    for parent, token in edges:
        above = numbers[parent]
        numbers.append(None if above is None else kept.get((above, token)))
    return [number is not None for number in numbers[1:]]


def _judged(
    model: LoadedModel, ids: Sequence[int], edges: Sequence[Edge], known: Sequence[bool]
) -> list[NewToken | Edge]:
    """What is new with the model's opinion; one pass over each line that ends in something new."""
    found: list[NewToken | Edge] = list(edges)
    parents = {parent for parent, _ in edges}
    for end in range(len(edges), 0, -1):
        if end in parents or known[end - 1]:
            continue
        line = _line(edges, end)
        judged = causal.score_line(model, [edges[n - 1][1] for n in line], ids, TOP)
        for number, one in zip(line, judged, strict=True):
            if not known[number - 1]:
                found[number - 1] = _new(model, edges[number - 1], one)
    return found


def _line(edges: Sequence[Edge], end: int) -> list[int]:
    """Places from the first token down to `end`."""
    line = []
    while end:
        line.append(end)
        end = edges[end - 1][0]
    return line[::-1]


def _new(model: LoadedModel, edge: Edge, one: Judged) -> NewToken:
    assert one.logprob is not None
    logprob, entropy = round(one.logprob, 4), round(one.entropy, 4)
    label = label_of(model, one.token)
    return NewToken(*edge, label, logprob, entropy, one.rank, top_of(model, one))
