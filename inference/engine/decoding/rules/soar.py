"""SOAR: confident places are written together; where there are none, a beam over positions.

Source: arXiv 2602.10953; duterscmy/SOAR, eval_llada8b/generate.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import Tensor

from inference.engine.canvas import Operation
from inference.engine.decoding.blocks import chunks
from inference.engine.decoding.distribution import Distribution
from inference.engine.decoding.quotas import nothing
from inference.engine.decoding.recipe import Recipe
from inference.engine.decoding.sources import Reader, Reading
from inference.engine.decoding.view import Block, Drawn, RunState, View

TOGETHER = 5
"""Most places that are written together."""


@dataclass(frozen=True)
class Beam:
    """A canvas of the beam: its ids, the probability of each written token, and their sum."""

    tokens: list[int]
    probs: dict[str, float]
    score: float

    def note(self) -> dict[str, Any]:
        """As plain JSON."""
        return {"tokens": self.tokens, "probs": self.probs, "score": self.score}


def beams(state: RunState) -> list[Beam]:
    """The beam of the carry, the shown canvas first; that alone where it was changed since."""
    found = [Beam(**note) for note in state.carry.get("beam", [])]
    if found and found[0].tokens == state.canvas.tokens:
        return found
    return [Beam(list(state.canvas.tokens), {}, 0.0)]


def beam_rows(reader: Reader, state: RunState, block: Block) -> Reading:
    """The open positions of the shown canvas; in the same forward, the block in all others."""
    open_now = state.canvas.writable_positions
    places = [i for i in range(*block.span) if not _held(state, i)]
    rows = sorted({*open_now, *places})
    found = reader.look([beam.tokens for beam in beams(state)], rows)
    own = [rows.index(i) for i in open_now]
    beside = [logits[[rows.index(i) for i in places]] for logits in found]
    return Reading(reader.tensor(open_now), found[0][own], (0, len(state.canvas)), beside=beside)


def _held(state: RunState, position: int) -> bool:
    slot = state.canvas.slots[position]
    return slot.prompt or slot.locked


def widened(view: View, drawn: Drawn, operations: list[Operation]) -> list[Operation]:
    """The next beam, and the operations that lead from the shown canvas to its best one.

    Candidates: of each canvas the up to five best places above `threshold` together, or, if there
    are none, its `beam_size` best places alone. Score: the sum of the probabilities of the written
    tokens. If any canvas wrote above the threshold, the best candidate alone goes on.
    """
    found: list[Beam] = []
    together = False
    places = [i for i in range(*view.block.span) if not _held(view.state, i)]
    for beam, logits in zip(beams(view.state), view.beside, strict=True):
        more, sure = _candidates(view, beam, places, logits)
        found += more
        together |= sure
    ordered = _different(sorted(found, key=lambda beam: -beam.score))
    following = ordered[: 1 if together else view.params.beam_size]
    view.state.carry["beam"] = [beam.note() for beam in following]
    return changes(view, following[0])


def _candidates(
    view: View, beam: Beam, places: list[int], logits: Tensor
) -> tuple[list[Beam], bool]:
    """The canvases that may follow one of the beam; True if its sure places are written."""
    mask = view.canvas.mask_id
    rows = [row for row, position in enumerate(places) if beam.tokens[position] == mask]
    if not rows:
        return [beam], False
    judged = Distribution(logits[rows], view.choice.barred)
    tokens = _tokens(view, judged, [places[row] for row in rows])
    probs = judged.prob_of(tokens)
    order = probs.argsort(descending=True, stable=True).tolist()
    writes = [(places[rows[i]], int(tokens[i]), float(probs[i])) for i in order]
    sure = [one for one in writes if one[2] > view.params.threshold][:TOGETHER]
    if sure:
        return [_with(beam, sure)], True
    return [_with(beam, [one]) for one in writes[: view.params.beam_size]], False


def _tokens(view: View, judged: Distribution, positions: list[int]) -> Tensor:
    if view.params.temperature == 0:
        return judged.best
    # the same number of a position in every canvas of the beam
    uniform = view.uniform_at(positions).to(judged.logits.device)
    return judged.draw(uniform, view.params.temperature)


def _with(beam: Beam, writes: list[tuple[int, int, float]]) -> Beam:
    tokens, probs = list(beam.tokens), dict(beam.probs)
    for position, token, prob in writes:
        tokens[position] = token
        probs[str(position)] = prob
    return Beam(tokens, probs, beam.score + sum(prob for _, _, prob in writes))


def _different(ordered: list[Beam]) -> list[Beam]:
    """Equal canvases once."""
    first: dict[tuple[int, ...], Beam] = {}
    for beam in ordered:
        first.setdefault(tuple(beam.tokens), beam)
    return list(first.values())


def changes(view: View, beam: Beam) -> list[Operation]:
    """What leads from the shown canvas to this one."""
    found: list[Operation] = []
    mask = view.canvas.mask_id
    for position, (slot, token) in enumerate(zip(view.canvas.slots, beam.tokens, strict=True)):
        if token == slot.token:
            continue
        if token == mask:
            found.append({"op": "remask", "slot": slot.id})
            continue
        name = "commit" if slot.token == mask else "edit"
        prob = beam.probs.get(str(position), 0.0)
        found.append({"op": name, "slot": slot.id, "token": token, "p": prob, "by": "auto"})
    return found


SOAR = Recipe(quota=nothing, block=chunks, revise=widened, source=beam_rows)
