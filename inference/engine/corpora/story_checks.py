"""The judge of the small stories: parses a text against the grammar and binds its slots.

Five marks, each stricter than the one before: *grammar* is the share of characters that are
sentences of the grammar, *plot* says that all beats of one plot stand in order, *kept* that every
slot but the place keeps its value (who lives by the river may well find something at the school,
though the corpus never says so), *consistent* that the place does too, *prompt* that the values
also agree with the prompt.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache

from inference.engine.corpora.lexicon import DERIVED_SLOTS, FREE_SLOTS, derive, values
from inference.engine.corpora.plots import PLOTS, Plot

SLOT = re.compile(r"\{(\w+)\}")
Binding = Mapping[str, str]
Slots = frozenset[str]
PLACE: Slots = frozenset({"place"})


@dataclass(frozen=True)
class Marks:
    """What the judge says of one story; `grammar` is in 0…1."""

    grammar: float
    plot: bool
    kept: bool
    consistent: bool
    prompt: bool


@cache
def pattern(template: str) -> tuple[re.Pattern[str], tuple[str, ...]]:
    """The template as a regular expression, and its slots in order."""
    literal, slots, last = "", [], 0
    for match in SLOT.finditer(template):
        slots.append(match.group(1))
        words = sorted(values(match.group(1)), key=len, reverse=True)
        choice = "|".join(map(re.escape, words))
        literal += f"{re.escape(template[last : match.start()])}({choice})"
        last = match.end()
    return re.compile(literal + re.escape(template[last:])), tuple(slots)


def unify(binding: Binding, told: Iterable[tuple[str, str]]) -> dict[str, str] | None:
    """The binding with these words added, or None where they contradict it or each other."""
    merged = dict(binding)
    for slot, word in told:
        if merged.setdefault(slot, word) != word:
            return None
    implied = derive({slot: word for slot, word in merged.items() if slot in FREE_SLOTS})
    if any(merged.get(slot, word) != word for slot, word in implied.items()):
        return None
    if not _derivable(merged):
        return None
    same = merged.get("friend") is not None and merged.get("friend") == merged.get("name")
    return None if same else merged


def _derivable(binding: Binding) -> bool:
    """Whether some value of each unbound free slot explains all its derived words at once."""
    by_source: dict[str, list[str]] = {}
    for slot in binding:
        if slot in DERIVED_SLOTS and DERIVED_SLOTS[slot][0] not in binding:
            by_source.setdefault(DERIVED_SLOTS[slot][0], []).append(slot)
    return all(
        any(
            all(DERIVED_SLOTS[s][1](value) == binding[s] for s in slots)
            for value in FREE_SLOTS[source]
        )
        for source, slots in by_source.items()
    )


def follows(text: str, plot: Plot, binding: Binding | None, ignored: Slots = frozenset()) -> bool:
    """Whether `text` is a story of the plot; with a binding, its slots must agree with it,
    those that are `ignored` aside."""
    return any(_readings(text, 0, plot, 0, binding, ignored))


def _readings(
    text: str, at: int, plot: Plot, beat: int, binding: Binding | None, ignored: Slots
) -> Iterator[bool]:
    if beat == len(plot.beats):
        if at > len(text):
            yield True
        return
    if beat in plot.optional:
        yield from _readings(text, at, plot, beat + 1, binding, ignored)
    for template in plot.beats[beat]:
        regex, slots = pattern(template)
        match = regex.match(text, at)
        if match is None or text[match.end() : match.end() + 1] not in ("", " "):
            continue
        merged = None
        if binding is not None:
            told = zip(slots, match.groups(), strict=True)
            merged = unify(binding, (pair for pair in told if pair[0] not in ignored))
        if binding is None or merged is not None:
            yield from _readings(text, match.end() + 1, plot, beat + 1, merged, ignored)


def prompt_readings(prompt: str) -> Iterator[tuple[Plot, dict[str, str]]]:
    """Each plot that has this prompt, with the slots that the prompt binds."""
    for plot in PLOTS.values():
        for template in plot.prompts:
            regex, slots = pattern(template)
            match = regex.fullmatch(prompt.strip())
            binding = match and unify({}, zip(slots, match.groups(), strict=True))
            if binding is not None:
                yield plot, binding


def coverage(text: str) -> float:
    """Share of the characters, blanks aside, that stand in sentences of the grammar."""
    at = covered = 0
    while at < len(text):
        end = at + _longest_sentence(text, at)
        covered += _solid(text[at:end])
        if end == at:  # no sentence starts here: try again after the next blank
            blank = text.find(" ", at)
            end = blank if blank >= 0 else len(text)
        at = end + 1
    return covered / max(1, _solid(text))


def _solid(text: str) -> int:
    return sum(not character.isspace() for character in text)


def _longest_sentence(text: str, at: int) -> int:
    ends = [m.end() - at for regex in _sentences() if (m := regex.match(text, at))]
    return max(ends, default=0)


@cache
def _sentences() -> tuple[re.Pattern[str], ...]:
    templates = {t for plot in PLOTS.values() for beat in plot.beats for t in beat}
    return tuple(pattern(template)[0] for template in sorted(templates))


def judge(prompt: str, story: str) -> Marks:
    """All marks of a story that was told for a prompt."""
    text = story.strip()
    plot = any(follows(text, p, None) for p in PLOTS.values())
    kept = plot and any(follows(text, p, {}, PLACE) for p in PLOTS.values())
    consistent = kept and any(follows(text, p, {}) for p in PLOTS.values())
    agrees = consistent and any(follows(text, p, b) for p, b in prompt_readings(prompt))
    return Marks(coverage(text), plot, kept, consistent, agrees)
