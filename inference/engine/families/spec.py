"""What decoding has to know about a model, whatever its architecture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Predict = Literal["same", "shifted"]
Attention = Literal["full", "block", "causal"]
Noise = Literal["absorbing", "uniform"]
Length = Literal["fixed", "blocks", "edits"]
PadPositions = Literal["absolute", "counted"]


@dataclass(frozen=True)
class ModelSpec:
    """Facts of one checkpoint.

    `predict`: row i holds the prediction for token i (same) or for token i + 1 (shifted).
    `attention`: every token sees every other (full), its own and earlier blocks of `block_size`
    counted from position 0 (block), or only earlier tokens (causal).
    `noise`: a token is hidden by a mask token (absorbing) or by a random token (uniform).
    `length`: the canvas is fixed, grows by blocks, or is edited by expand and delete tokens.
    `pad_positions`: whether padding counts when positions are numbered.
    `chat`, `system`: the chat template, and the system turn that it starts with by default.
    `other_eos_ids`: what ends a text besides `eos_id`, where config.json has a list.
    `barred`: tokens that no recipe may write.
    """

    family: str
    vocab_size: int
    context: int
    mask_id: int | None
    eos_id: int | None = None
    eot_id: int | None = None
    pad_id: int | None = None
    bos_id: int | None = None
    expand_id: int | None = None
    delete_id: int | None = None
    predict: Predict = "same"
    attention: Attention = "full"
    block_size: int | None = None
    noise: Noise = "absorbing"
    length: Length = "fixed"
    pad_positions: PadPositions = "absolute"
    chat: str = "none"
    system: str = ""
    other_eos_ids: tuple[int, ...] = ()
    canvas_length: int | None = None
    barred: tuple[int, ...] = ()

    @property
    def open_id(self) -> int:
        """What stands in an open place of a canvas: the mask, or an id that no token has."""
        return self.vocab_size if self.mask_id is None else self.mask_id

    @property
    def eos_ids(self) -> tuple[int, ...]:
        """Every id that is end-of-text: one, those of a list, or none."""
        ids = () if self.eos_id is None else (self.eos_id, *self.other_eos_ids)
        return tuple(dict.fromkeys(ids))

    @property
    def end_ids(self) -> tuple[int, ...]:
        """Every id behind which a text has ended: end-of-text and end-of-turn."""
        turn = () if self.eot_id is None or self.eot_id in self.eos_ids else (self.eot_id,)
        return (*self.eos_ids, *turn)

    def named_ids(self) -> dict[str, int]:
        """The special ids that this model has, by field name."""
        fields = ("mask", "eos", "eot", "pad", "bos", "expand", "delete")
        values = {f"{name}_id": getattr(self, f"{name}_id") for name in fields}
        named = {name: value for name, value in values.items() if value is not None}
        return named | {f"eos_id[{n}]": i for n, i in enumerate(self.eos_ids) if n}
