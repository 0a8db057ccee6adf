"""The parameters of all recipes: kind, range, plain default and a sentence, in one table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from inference.limits import LIMITS

Kind = Literal["integer", "number", "flag", "choice"]
Value = bool | int | float | str | None


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter: an inclusive range (numbers) or the names that may be chosen (a choice).

    `default` is the plain one; a recipe may have its own. Where it is None, null may be sent too.
    """

    name: str
    label: str
    kind: Kind
    default: Value
    sentence: str
    low: float = 0
    high: float = 0
    choices: tuple[str, ...] = ()

    @property
    def optional(self) -> bool:
        """Whether null is a value."""
        return self.default is None


def _integer(
    name: str, label: str, low: int, high: int, default: int | None, text: str
) -> Parameter:
    return Parameter(name, label, "integer", default, text, low, high)


def _number(name: str, label: str, low: float, high: float, default: float, text: str) -> Parameter:
    return Parameter(name, label, "number", default, text, low, high)


def _share(name: str, label: str, default: float, text: str) -> Parameter:
    """A number from 0 to 1."""
    return _number(name, label, 0.0, 1.0, default, text)


def _flag(name: str, label: str, text: str, default: bool = False) -> Parameter:
    return Parameter(name, label, "flag", default, text)


_BLOCK, _NUCLEUS = LIMITS["block_length"], LIMITS["top_p"]

_ROWS = (
    _integer("steps", "Steps", 1, 65536, None, "forward passes; one token a step if not given"),
    _integer(
        "block_length", "Block length", int(_BLOCK.low), int(_BLOCK.high), None, _BLOCK.meaning
    ),
    _number("temperature", "Temperature", 0.0, 10.0, 0.0, "of the draw; 0 = the likeliest token"),
    _number("top_p", "Top-p", _NUCLEUS.low, _NUCLEUS.high, 1.0, "nucleus of the draw; 1 = off"),
    _integer("top_k", "Top-k", 0, 2_000_000, 0, "candidates of the draw; 0 = all"),
    _number("cfg_scale", "Guidance", 0.0, 10.0, 0.0, "weight of the prompt; 0 = off"),
    _flag("logits_eos_inf", "Never end the text", "end-of-text is impossible"),
    _flag(
        "confidence_eos_eot_inf", "End-of-text ranks last", "end-of-text is possible but comes last"
    ),
    _flag("eos_last", "End-of-text last", "places that would end the text wait for all others"),
    _flag("stop_at_end", "Stop at the end", "what is open behind a settled end is filled at once"),
    _integer("tokens_per_step", "Tokens a step", 1, 1024, 1, "places written in each step"),
    _share("threshold", "Threshold", 0.9, "probability from which a token is written"),
    _number("factor", "Factor", 0.0, 1024.0, 1.0, "the n-th must be surer than 1 - factor/(n+1)"),
    _number("gamma", "Bound", 0.0, 100.0, 0.1, "joint entropy in nats that a step may take"),
    _number("alg_temp", "Noise of the order", 0.0, 100.0, 0.0, "temperature of the places' order"),
    _number("eps", "Last time", 1e-6, 0.5, 1e-3, "where the time of the schedule ends"),
    _integer("expand_budget", "Expansions", 0, 65536, None, "most expansions; 2 x places if none"),
    _integer("max_new_tokens", "Most places", 1, 65536, None, "most places that the gap may have"),
    _flag("pad_delete_to_right", "Delete to the right", "a delete token takes the rest of its gap"),
    _share("edit_threshold", "Edit threshold", 0.9, "probability from which a token gives way"),
    _integer("max_post_steps", "Extra looks", 0, 1024, 16, "most looks at a block that is full"),
    _number("kl_threshold", "Movement", 0.0, 100.0, 0.01, "largest KL, in nats, of a calm place"),
    _integer("kl_steps", "Calm steps", 1, 8, 2, "steps that a place must have been calm"),
    _share("eta", "Remasking", 0.02, "probability that a token is masked again"),
    _share("remask_on", "Remask from", 0.55, "time, from 1 to 0, at which remasking begins"),
    _share("remask_off", "Remask until", 0.05, "time at which remasking ends"),
    _share("draft_threshold", "Draft threshold", 0.6, "probability from which a draft is written"),
    _share("verify_threshold", "Verify threshold", 0.9, "below it a written token opens again"),
    _number("t_max", "First temperature", 0.0, 10.0, 0.8, "temperature of the first step"),
    _number("t_min", "Last temperature", 0.0, 10.0, 0.4, "temperature of the last step"),
    _number("stop_entropy", "Calm enough", 0.0, 100.0, 0.005, "mean entropy in nats to stop at"),
    _integer("block_steps", "Steps a block", 1, 1024, None, "by which a block shares its places"),
    _integer("small_block_length", "Small block", 1, 1024, 8, "places of a small block in a block"),
    _flag("fill_last_block", "Fill the last block", "masks up to its border, cut at the end", True),
    _flag("stop_after_block", "Stop after the block", "that holds an end of the text"),
    _flag("official", "As published", "repeat the published code, faults included"),
)
PARAMETERS: dict[str, Parameter] = {row.name: row for row in _ROWS}
