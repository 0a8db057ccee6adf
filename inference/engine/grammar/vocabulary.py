"""Automata over the tokens of loaded models, kept by grammar and tokenizer."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from threading import Lock

from inference.engine.checkpoint import LoadedModel
from inference.engine.errors import InputError
from inference.engine.grammar.automaton import TokenAutomaton, token_automaton
from inference.engine.grammar.compiler import Grammar, compiled

KEPT = 8
_Key = tuple[Grammar, str, int, tuple[int, ...]]
_kept: OrderedDict[_Key, TokenAutomaton] = OrderedDict()
_lock = Lock()


def automaton_for(model: LoadedModel, grammar: Grammar, *, ends: bool = True) -> TokenAutomaton:
    """The grammar over the model's tokens; special ones write no text and match nothing.

    `ends`: tokens that end the text may stand behind a text that matches. Raises InputError for a
    model without a tokenizer, and for a grammar that cannot be read or is too large.
    """
    if model.tokenizer is None:
        raise InputError(
            "This model has no tokenizer, so no pattern can be matched.", grammar.field
        )
    last = tuple(model.spec.end_ids) if ends else ()
    key = grammar, model.tokenizer.hash, model.spec.vocab_size, last
    with _lock:
        found = _kept.get(key)
    if found is None:  # made without the lock: one that takes seconds holds nobody else up
        found = token_automaton(compiled(grammar), _texts(model), last, grammar.field)
    with _lock:
        _kept[key] = found
        _kept.move_to_end(key)
        while len(_kept) > KEPT:
            _kept.popitem(last=False)
    return found


def _texts(model: LoadedModel) -> Sequence[bytes]:
    """What each of the model's tokens adds to a text; nothing for special ones and the mask."""
    assert model.tokenizer is not None
    silent = {*model.tokenizer.special, model.spec.mask_id, *model.spec.barred}
    return [
        b"" if token in silent else model.tokenizer.token_bytes(token)
        for token in range(model.spec.vocab_size)
    ]
