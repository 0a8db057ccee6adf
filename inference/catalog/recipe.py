"""A row of the catalogue of recipes: everything about one that is said outside its code."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from inference.catalog.parameters import PARAMETERS, Parameter, Value

Group = Literal["Basic", "LLaDA", "Dream", "Fast-dLLM", "LLaDA2", "Research"]
Trait = Literal["mask", "same", "next_block", "own_masks", "edits", "uniform"]
"""What a model may have: a mask token; rows that predict their own place; blocks whose last row
predicts the next one's first place; forwards that take another visibility and a cache; tokens that
expand and delete; noise instead of masks."""

DECODING = "inference.engine.decoding"
DRAW = ("temperature", "top_p", "top_k")
ENDING = ("eos_last", "stop_at_end", "logits_eos_inf")
GRAMMAR = ("regex", "json_schema")
"""What a recipe reads whose writes a grammar may filter."""
RANKING = "confidence_eos_eot_inf"
"""Only a score that is read from the ranking can be held down there."""
PLAIN = (*DRAW, *ENDING, "cfg_scale")
"""What a recipe reads that draws by `sample`, from one plain forward."""


@dataclass(frozen=True, slots=True)
class RecipeEntry:
    """One recipe: its text for people, its group, its source, and what it reads and needs.

    `source` is the paper or the repository that it follows. `uses` are the parameters that it
    reads, `defaults` its own defaults among them. `needs` is what a model must have; `trained`
    names the families and model types for which it is offered (empty: any that has what it needs).
    """

    label: str
    constant: str
    sentence: str
    group: Group
    source: str
    uses: tuple[str, ...]
    defaults: Mapping[str, Value] = field(default_factory=dict)
    needs: frozenset[Trait] = frozenset({"mask"})
    trained: frozenset[str] = frozenset()

    @property
    def path(self) -> str:
        """Dotted path of the engine's recipe; `constant` names its module if not `recipes`."""
        module = "" if "." in self.constant else "recipes."
        return f"{DECODING}.{module}{self.constant}"

    @property
    def own_pace(self) -> bool:
        """Whether a threshold or a bound makes its steps as large as they are."""
        return not {"steps", "tokens_per_step"} & set(self.uses)

    def parameters(self) -> list[Parameter]:
        """The parameters that it reads, with its own defaults, in its order."""
        rows = [PARAMETERS[name] for name in self.uses]
        return [replace(row, default=self.defaults.get(row.name, row.default)) for row in rows]
