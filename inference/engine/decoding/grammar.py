"""A grammar over a run: which tokens its places may have, and which writes of a step go together.

Regular expressions and JSON Schemas (see `inference.engine.grammar`). Recipes draw from what is
left of the distribution; of the tokens that a step writes at once, those go that the surer ones
make impossible, and their places stay open for the next step.
"""

from __future__ import annotations

from inference.engine.canvas import Operation
from inference.engine.checkpoint import LoadedModel
from inference.engine.decoding.params import Params
from inference.engine.decoding.view import View
from inference.engine.errors import InputError
from inference.engine.grammar.canvas_filter import CanvasFilter, writes
from inference.engine.grammar.compiler import Grammar
from inference.engine.grammar.vocabulary import automaton_for


def grammar_in(params: Params) -> Grammar | None:
    """The grammar of a run's parameters, if they hold one. Raises InputError for two."""
    if params.regex is None and params.json_schema is None:
        return None
    if params.regex is not None and params.json_schema is not None:
        raise InputError("Give a pattern or a JSON Schema, not both.", "json_schema")
    return Grammar(params.regex, params.json_schema)


def grammar_of(model: LoadedModel, params: Params) -> CanvasFilter | None:
    """The filter of the run's grammar, if it has one. Raises InputError, naming the parameter."""
    grammar = grammar_in(params)
    if grammar is None:
        return None
    if params.official:
        raise InputError("Published variants know no grammar.", grammar.field)
    automaton = automaton_for(model, grammar, ends=not params.logits_eos_inf)
    return CanvasFilter(automaton, grammar.field)


def matching_operations(
    grammar: CanvasFilter, view: View, operations: list[Operation]
) -> list[Operation]:
    """What of a step's operations can be completed; the surest place alone if nothing can."""
    kept = grammar.kept(view.canvas, operations)
    if any(map(writes, kept)) or not any(map(writes, operations)) or not len(view.positions):
        return kept
    row = int(view.choice.p1.argmax())
    slot = view.canvas.slots[int(view.positions[row])].id
    token, prob = int(view.choice.best[row]), float(view.choice.p1[row])
    surest = {"op": "commit", "slot": slot, "token": token, "p": prob, "by": "auto"}
    return grammar.kept(view.canvas, [*kept, surest])
