"""The token state: slots with stable ids, operations on them, and how operations fold into a state.

Pure Python, so that the web side can rebuild any step of a session without a tensor library.
A *position* is an index into the canvas and shifts when tokens are inserted or deleted; a *slot id*
stays with its token for ever, which is why operations name slots.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

Operation = dict[str, Any]


class CanvasError(ValueError):
    """An operation that does not fit the canvas; `field` names the offending part."""

    def __init__(self, message: str, field: str = "operations") -> None:
        super().__init__(message)
        self.field = field


@dataclass(frozen=True, slots=True)
class Slot:
    """One place of the canvas: a stable id, its token, and whether it belongs to the prompt.

    `surplus`: it fills the last block of a block model up to its border and will be cut.
    """

    id: int
    token: int
    prompt: bool = False
    locked: bool = False
    by: str = ""
    surplus: bool = False


@dataclass(frozen=True)
class Canvas:
    """An immutable row of slots. `mask_id` is the token that means "still open"."""

    slots: tuple[Slot, ...]
    mask_id: int
    prompt_length: int = 0

    @classmethod
    def start(cls, prompt_ids: Sequence[int], gen_length: int, mask_id: int) -> Canvas:
        """Prompt followed by `gen_length` masks; slot ids are the initial positions.

        A mask inside the prompt is an open position like any other (infilling).
        """
        prompt = [Slot(i, t, prompt=t != mask_id) for i, t in enumerate(prompt_ids)]
        tail = [Slot(len(prompt) + i, mask_id) for i in range(gen_length)]
        return cls(tuple(prompt + tail), mask_id, len(prompt))

    def __len__(self) -> int:
        return len(self.slots)

    @cached_property
    def tokens(self) -> list[int]:
        return [slot.token for slot in self.slots]

    @cached_property
    def open_positions(self) -> list[int]:
        """Positions that hold the mask, ascending."""
        return [i for i, token in enumerate(self.tokens) if token == self.mask_id]

    @cached_property
    def writable_positions(self) -> list[int]:
        """Open positions that are not locked, ascending."""
        return [i for i in self.open_positions if not self.slots[i].locked]

    @cached_property
    def places(self) -> list[int]:
        """Positions that are not the prompt's, written or open."""
        return [i for i, slot in enumerate(self.slots) if not slot.prompt]

    @cached_property
    def position_of(self) -> dict[int, int]:
        """Slot id → position."""
        return {slot.id: i for i, slot in enumerate(self.slots)}

    @property
    def is_complete(self) -> bool:
        return not self.open_positions

    def slot(self, slot_id: int) -> Slot:
        """The slot with that id. Raises CanvasError if it is gone or never was."""
        return _Draft(self).slot(slot_id)

    def apply(self, operations: Iterable[Operation]) -> Canvas:
        """The canvas after the operations, in order. Raises CanvasError; self stays as it is."""
        return fold(self, [operations])


def fold(canvas: Canvas, steps: Iterable[Iterable[Operation]]) -> Canvas:
    """The state after all steps: linear in the number of operations, not in canvas x steps."""
    draft = _Draft(canvas)
    for operations in steps:
        for operation in operations:
            _APPLY[_name(operation)](draft, operation)
    folded = Canvas(tuple(draft.slots), canvas.mask_id, canvas.prompt_length)
    if draft.position_of is canvas.position_of:  # no place came or went
        known = canvas.__dict__.keys() & _OF_PLACES
        folded.__dict__.update({name: canvas.__dict__[name] for name in known})
    else:
        folded.__dict__["position_of"] = draft.position_of
    return folded


_OF_PLACES = {"position_of", "places"}
"""What a canvas knows of its places whatever they hold."""


class _Draft:
    """A canvas under change; it exists only while operations are being folded."""

    def __init__(self, canvas: Canvas) -> None:
        self.mask_id = canvas.mask_id
        self.slots = list(canvas.slots)
        self.position_of = canvas.position_of

    def slot(self, slot_id: int) -> Slot:
        """The slot with that id. Raises CanvasError."""
        position = self.position_of.get(slot_id)
        if position is None:
            raise CanvasError(f"There is no slot {slot_id} in this state.", "slot")
        return self.slots[position]

    def put(self, slot: Slot) -> None:
        self.slots[self.position_of[slot.id]] = slot

    def replace_all(self, slots: list[Slot]) -> None:
        self.slots = slots
        self.position_of = {slot.id: i for i, slot in enumerate(slots)}


def _name(operation: Operation) -> str:
    name = operation.get("op")
    if name not in _APPLY:
        raise CanvasError(f"Unknown operation {name!r}.", "op")
    return str(name)


def _writable(draft: _Draft, operation: Operation) -> Slot:
    slot = draft.slot(operation["slot"])
    if slot.prompt:
        raise CanvasError("A prompt position cannot be changed.", "slot")
    if slot.locked:
        raise CanvasError("This position is locked. Unlock it first.", "slot")
    return slot


def _write(draft: _Draft, slot: Slot, operation: Operation) -> None:
    if operation["token"] == draft.mask_id:
        raise CanvasError("The mask token cannot be committed.", "token")
    # spelled out: dataclasses.replace takes four times as long, and every commit comes by here
    by = operation.get("by", "auto")
    token = operation["token"]
    draft.put(Slot(slot.id, token, slot.prompt, slot.locked, by, slot.surplus))


def _commit(draft: _Draft, operation: Operation) -> None:
    slot = _writable(draft, operation)
    if slot.token != draft.mask_id:
        raise CanvasError("This position already holds a token.", "slot")
    _write(draft, slot, operation)


def _edit(draft: _Draft, operation: Operation) -> None:
    slot = _writable(draft, operation)
    if slot.token == draft.mask_id:
        raise CanvasError("A masked position has no token to edit.", "slot")
    _write(draft, slot, operation)


def _remask(draft: _Draft, operation: Operation) -> None:
    draft.put(replace(_writable(draft, operation), token=draft.mask_id, by=""))


def _insert(draft: _Draft, operation: Operation) -> None:
    """New masks after a slot; -1 is the front. Their ids must never have been used."""
    if any(new in draft.position_of for new in operation["new"]):
        raise CanvasError("A new slot id is already in use.", "new")
    after = operation["slot"]
    at = 0 if after == -1 else draft.position_of[draft.slot(after).id] + 1
    surplus = bool(operation.get("surplus"))
    masks = [Slot(new, draft.mask_id, surplus=surplus) for new in operation["new"]]
    draft.replace_all(draft.slots[:at] + masks + draft.slots[at:])


def _delete(draft: _Draft, operation: Operation) -> None:
    slot = _writable(draft, operation)
    draft.replace_all([s for s in draft.slots if s.id != slot.id])


def _set_lock(locked: bool) -> Callable[[_Draft, Operation], None]:
    def change(draft: _Draft, operation: Operation) -> None:
        draft.put(replace(draft.slot(operation["slot"]), locked=locked))

    return change


_APPLY: dict[str, Callable[[_Draft, Operation], None]] = {
    "commit": _commit,
    "edit": _edit,
    "remask": _remask,
    "insert": _insert,
    "delete": _delete,
    "lock": _set_lock(True),
    "unlock": _set_lock(False),
}
OPERATIONS = tuple(_APPLY)
