"""Where each tensor of a checkpoint lives in the native model, readable in both directions.

A *layout* maps every key of the checkpoint to the pieces of native parameters that it holds. The
loader copies along it, the exporter reads back along it, and its keys are the list of what a
complete checkpoint contains.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

Index = tuple[int | slice, ...]


@dataclass(frozen=True)
class Piece:
    """Rows `rows` of checkpoint tensor `key` are `parameter[index]` of the native model."""

    key: str
    parameter: str
    index: Index = ()
    rows: slice | None = None


Layout = dict[str, list[Piece]]
Rule = Callable[[str, torch.Size], list[Piece] | None]


def rename(native: str, foreign: str) -> Rule:
    """The same tensor under another name; `{n}` stands for the number of the layer."""
    pattern = re.compile(re.escape(native).replace(r"\{n\}", r"(?P<n>\d+)") + r"\Z")

    def rule(name: str, shape: torch.Size) -> list[Piece] | None:
        match = pattern.match(name)
        return [Piece(foreign.format(**match.groupdict()), name)] if match else None

    return rule


def renames(table: Mapping[str, str]) -> list[Rule]:
    """One `rename` rule for each row of a table of native name → checkpoint name."""
    return [rename(native, foreign) for native, foreign in table.items()]


def stacked_experts(prefix: str) -> list[Rule]:
    """Expert matrices that the native class keeps in two stacked parameters.

    `gate_up_proj` is [experts, 2·width, hidden] with the gate's rows first, `down_proj` is
    [experts, hidden, width]; checkpoints hold three matrices for each expert.
    """
    pattern = re.compile(rf"(?P<at>{prefix}\d+\.mlp\.experts)\.(?P<part>gate_up_proj|down_proj)\Z")

    def rule(name: str, shape: torch.Size) -> list[Piece] | None:
        match = pattern.match(name)
        if match is None:
            return None
        spans = _expert_spans(match["part"], shape)
        return [
            Piece(f"{match['at']}.{expert}.{part}.weight", name, (expert, span))
            for expert in range(shape[0])
            for part, span in spans.items()
        ]

    return [rule]


def _expert_spans(part: str, shape: torch.Size) -> dict[str, slice]:
    if part == "down_proj":
        return {"down_proj": slice(None)}
    width = shape[1] // 2
    return {"gate_proj": slice(0, width), "up_proj": slice(width, None)}


def build_layout(shapes: Mapping[str, torch.Size], rules: Sequence[Rule]) -> Layout:
    """The layout of a native model of these shapes; a name that no rule knows stays itself."""
    layout: Layout = {}
    for name, shape in shapes.items():
        for piece in _pieces(name, shape, rules):
            layout.setdefault(piece.key, []).append(piece)
    return layout


def _pieces(name: str, shape: torch.Size, rules: Sequence[Rule]) -> list[Piece]:
    for rule in rules:
        found = rule(name, shape)
        if found is not None:
            return found
    return [Piece(name, name)]


def expected_shape(pieces: Sequence[Piece], shapes: Mapping[str, torch.Size]) -> list[int]:
    """The shape of the checkpoint tensor that these pieces make up."""
    parts = [list(_part_shape(piece, shapes[piece.parameter])) for piece in pieces]
    return [sum(part[0] for part in parts), *parts[0][1:]]


def _part_shape(piece: Piece, shape: torch.Size) -> torch.Size:
    return torch.empty(shape, device="meta")[piece.index].shape


def read_key(pieces: Sequence[Piece], parameters: Mapping[str, Tensor]) -> Tensor:
    """The checkpoint tensor [rows, …], gathered from the native parameters, in their dtype."""
    parts = [parameters[piece.parameter][piece.index] for piece in _in_order(pieces)]
    return (parts[0] if len(parts) == 1 else torch.cat(parts)).contiguous()


def write_key(pieces: Sequence[Piece], parameters: Mapping[str, Tensor], value: Tensor) -> None:
    """Copies a checkpoint tensor [rows, …] into the native parameters, dtype and device theirs."""
    for piece in pieces:
        part = value if piece.rows is None else value[piece.rows]
        parameters[piece.parameter][piece.index].copy_(part)


def _in_order(pieces: Sequence[Piece]) -> list[Piece]:
    return sorted(pieces, key=lambda piece: piece.rows.start if piece.rows else 0)
