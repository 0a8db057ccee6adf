"""The parameters of all recipes: kind, range, plain default and a sentence, in one table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from inference.limits import LIMITS

Kind = Literal["integer", "number", "flag", "choice", "text"]
Value = bool | int | float | str | None


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter: an inclusive range (numbers; of a text's characters) or the names of a choice.

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


def _choice(name: str, label: str, choices: tuple[str, ...], text: str) -> Parameter:
    """One of some names, the first by default."""
    return Parameter(name, label, "choice", choices[0], text, choices=choices)


def _words(name: str, label: str, most: int, text: str) -> Parameter:
    """A text, not given by default."""
    return Parameter(name, label, "text", None, text, 1, most)


_BLOCK, _NUCLEUS = LIMITS["block_length"], LIMITS["top_p"]

_ROWS = (
    _integer("steps", "Steps", 1, 65536, None, "forward passes; one token a step if not given"),
    _integer(
        "block_length", "Block length", int(_BLOCK.low), int(_BLOCK.high), None, _BLOCK.meaning
    ),
    _number(
        "temperature",
        "Sampling temperature",
        0.0,
        10.0,
        0.0,
        "of the draw; 0 = the likeliest token",
    ),
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
    _choice("klass_unmask", "Of the stable", ("all", "max_conf", "min_kl"), "which are written"),
    _choice("remdm_form", "Form", ("cap", "rescale", "conf", "loop"), "of the remasking schedule"),
    _share("loop_alpha", "Share of the loop", 0.9, "of tokens standing in the loop"),
    _share("eta", "Remasking", 0.02, "probability that a token is masked again"),
    _share("remask_on", "Remask from", 0.55, "time, from 1 to 0, at which remasking begins"),
    _share("remask_off", "Remask until", 0.05, "time at which remasking ends"),
    _share("draft_threshold", "Draft threshold", 0.6, "probability from which a draft is written"),
    _share("verify_threshold", "Verify threshold", 0.9, "below it a written token opens again"),
    _number("t_max", "First temperature", 0.0, 10.0, 0.8, "temperature of the first step"),
    _number("t_min", "Last temperature", 0.0, 10.0, 0.4, "temperature of the last step"),
    _number("stop_entropy", "Calm enough", 0.0, 100.0, 0.005, "mean entropy in nats to stop at"),
    _number("credit_alpha", "Weight of credit", 0.0, 100.0, 0.7, "of ln(1 + credit) in the logits"),
    _number("credit_gamma", "Boost", 0.0, 10.0, 0.2, "a step gives p ** boost to the best token"),
    _share("credit_decay", "Decay", 0.8, "what a step leaves of the credit"),
    _share("low_threshold", "Low threshold", 0.4, "for the best token of each run of masks"),
    _integer("answer_start", "Answer at", 0, 65_535, None, "first of the answer's five positions"),
    _number("gap_early", "Early gap", 0.0, 1000.0, 7.5, "of logits, in the first third"),
    _number("gap_mid", "Middle gap", 0.0, 1000.0, 5.0, "of logits, in the second third"),
    _number("gap_late", "Late gap", 0.0, 1000.0, 2.5, "of logits, in the last third"),
    _number("pc_lambda", "Weight of position", 0.0, 10.0, 0.25, "how soon later places fall off"),
    _number("pc_alpha", "Most rarity", 0.0, 1000.0, 10.0, "bound of confidence times rarity"),
    _share("loop_start", "Loop from", 0.875, "share of the places that stand when it begins"),
    _integer("loop_steps", "Loops", 0, 1024, 32, "times that tokens are reopened and written"),
    _integer("loop_tokens", "Tokens a loop", 1, 1024, 1, "reopened and written at a time"),
    _number("p2_eta", "Reopening", 0.0, 1000.0, 1.0, "weight of log p of tokens that stand"),
    _choice("p2_kappa", "Schedule", ("linear", "geometric"), "of the share that stands"),
    _integer("eos_check", "Places checked", 1, 1024, 32, "at the end, for end-of-text"),
    _share("eos_grow", "End in sight", 0.5, "confidence of end-of-text at which growing stops"),
    _share("eos_expand", "End certain", 0.9, "confidence of end-of-text above which nothing grows"),
    _integer("expansion_factor", "Masks of one", 2, 64, 8, "that a hopeless place becomes"),
    _integer("window_masks", "Masks of the window", 1, 1024, 32, "with which the window begins"),
    _integer("window_length", "Widest window", 1, 65536, None, "in places; no bound if not given"),
    _integer("refresh_count", "Refresh after", 1, 1024, 16, "tokens written since a full forward"),
    _integer("cache_delay", "Delay", 0, 64, 0, "places beside the window evaluated with it"),
    _integer("explore_steps", "Exploring steps", 1, 64, 6, "before each cycle"),
    _share("reach_threshold", "Reach threshold", 0.3, "of the farthest place of a cycle"),
    _integer("stable_window", "Lengths compared", 1, 64, 2, "the latest of the exploring steps"),
    _number("stable_deviation", "Deviation", 0.0, 1000.0, 1.0, "of lengths that agree, in places"),
    _integer("candidates", "Candidates", 1, 64, 8, "places whose future is looked at"),
    _number("position_temperature", "Noise of candidates", 0.0, 100.0, 0.2, "0 = the best alone"),
    _choice(
        "info_form", "Objective", ("info_gain", "lookum"), "with the place's own entropy or not"
    ),
    _integer("beam_size", "Beam", 1, 16, 2, "canvases that go on beside each other"),
    _integer("core_every", "Revise every", 1, 1024, 8, "steps, in a block's middle half"),
    _integer("core_candidates", "Tokens verified", 1, 1024, 32, "those with the smallest margins"),
    _integer("core_revisions", "Tokens revised", 1, 64, 1, "most of them in a step"),
    _choice("core_form", "Ranked by", ("core", "margin"), "lost support, or the margin alone"),
    _integer("draft_steps", "Drafts", 1, 16, 4, "canvases checked in one forward"),
    _integer("draft_width", "Tokens tried", 1, 32, 8, "at the second place of a step"),
    _choice("draft_by", "Steps of", ("number", "threshold"), "tokens_per_step, or the threshold"),
    _integer("leap_radius", "Radius", 0, 1024, 4, "in places, around a confident one"),
    _share("relaxed_threshold", "Relaxed threshold", 0.75, "that suffices near a confident place"),
    _integer("saber_least", "Tokens at least", 1, 1024, 2, "written in each step"),
    _integer("saber_per", "Written for one", 1, 1024, 8, "that opens again"),
    _share("a_cfg_share", "Tokens masked", 0.3, "share of the written ones, the least confident"),
    _share("rho_low", "Too few ends", 0.4, "share of ends below which the canvas grows"),
    _share("rho_high", "Too many ends", 0.6, "share of ends above which the canvas shrinks"),
    _integer("rho_steps", "Steps that resize", 0, 1024, 64, "after which the length stands"),
    _flag("draft_ahead", "Drafts beyond the block", "guess into the blocks behind it too"),
    _integer("block_steps", "Steps a block", 1, 1024, None, "by which a block shares its places"),
    _integer("small_block_length", "Small block", 1, 1024, 8, "places of a small block in a block"),
    _flag("fill_last_block", "Fill the last block", "masks up to its border, cut at the end", True),
    _flag("stop_after_block", "Stop after the block", "that holds an end of the text"),
    _words("regex", "Pattern", 4000, "regular expression that the whole answer matches"),
    _words("json_schema", "JSON Schema", 20_000, "that the whole answer matches, as JSON"),
    _flag("official", "As published", "repeat the published code, faults included"),
)
PARAMETERS: dict[str, Parameter] = {row.name: row for row in _ROWS}
