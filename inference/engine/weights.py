"""Weights into a native model: headers compared with the layout first, then tensor by tensor."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from inference.engine.config_checks import check_counts
from inference.engine.errors import CheckpointError, LoadCancelled
from inference.engine.families.family import Family
from inference.engine.families.layout import Layout, expected_shape, write_key
from inference.engine.families.values import Config
from inference.engine.model_files import Weights
from inference.engine.native import allocated, construct, layout_of, tied_keys, weights_of
from inference.engine.shards import Header

Progress = Callable[[float], None]
Cancel = Callable[[], bool]
STORED = ("F32", "F16", "BF16", "F64")
"""How weights may be stored. Anything else is a quantized format, or no weights at all."""


class Watch:
    """Progress in bytes read, and the place where a cancel is noticed."""

    def __init__(self, progress: Progress | None, cancel: Cancel | None, total: int) -> None:
        self.progress, self.cancel = progress or (lambda part: None), cancel or (lambda: False)
        self.total, self.done = max(total, 1), 0

    def check(self) -> None:
        """Raises LoadCancelled when somebody wants the end of it."""
        if self.cancel():
            raise LoadCancelled("Loading was cancelled.")

    def advance(self, count: int) -> None:
        """Count bytes that have been read. Raises LoadCancelled."""
        self.check()
        self.done += count
        self.progress(min(1.0, self.done / self.total))


@dataclass(frozen=True)
class Plan:
    """What is to be loaded: the layout of the files' keys, compared with their headers.

    `tied`: whether the output head is the embeddings. `parameters` counts the numbers.
    """

    family: Family
    config: Config
    source: Weights
    layout: Layout
    tied: bool
    parameters: int


def plan(family: Family, config: Config, source: Weights, watch: Watch) -> Plan:
    """Headers against config.json; no weight is read but those that may stand twice.

    Raises CheckpointError for a key that is missing, unknown or of another shape, and
    LoadCancelled.
    """
    watch.advance(0)
    found = source.headers()
    check_counts(family, config, len(found))
    skeleton = _skeleton(family, config)
    tied = not _has_own_head(skeleton, family, config, source, found)
    if not tied:
        skeleton = _skeleton(family, config, tied)
    layout = _checked_layout(skeleton, family, config, found)
    watch.check()
    count = sum(value.numel() for value in weights_of(skeleton).values())
    return Plan(family, config, source, layout, tied, count)


def filled(plan: Plan, device: torch.device, dtype: torch.dtype, watch: Watch) -> nn.Module:
    """The native model with the weights of the files, in `dtype` on `device`, ready for forwards.

    Raises CheckpointError for weights that are not finite, and LoadCancelled.
    """
    model = allocated(plan.family, plan.config, device, dtype, plan.tied)
    parameters = weights_of(model)
    with torch.no_grad():
        for key, value, size in plan.source.tensors(plan.layout):
            _refuse_nan(key, value)
            write_key(plan.layout[key], parameters, value)
            watch.advance(size)
    return model.eval().requires_grad_(False)


def _skeleton(family: Family, config: Config, tied: bool = True) -> nn.Module:
    """The model without memory for its weights."""
    with torch.device("meta"):
        return construct(family, config, tied)


def _has_own_head(
    skeleton: nn.Module,
    family: Family,
    config: Config,
    source: Weights,
    found: dict[str, Header],
) -> bool:
    """Whether the file's output head differs from the embeddings with which it is said to be tied.

    Raises CheckpointError for other copies that differ: no native class keeps both.
    """
    head, own = _key_of_head(skeleton, family, config), False
    for first, others in tied_keys(skeleton, family, config).items():
        one, *rest = [key for key in (first, *others) if key in found] or [first]
        for other in rest:
            if _equal(source, one, other):
                continue
            if other != head or len(rest) > 1:
                raise CheckpointError(f"{other} differs from {one}, though both are one.", other)
            own = True
    return own


def _equal(source: Weights, one: str, other: str) -> bool:
    """Whether two tensors hold the same numbers."""
    first, second = (value for _, value, _ in source.tensors({one: None, other: None}))
    return first.shape == second.shape and bool(first.eq(second).all())


def _key_of_head(skeleton: nn.Module, family: Family, config: Config) -> str | None:
    """Under which key a checkpoint of this family holds the output head."""
    output: Any = skeleton.get_output_embeddings()  # type: ignore[operator]
    names = [name for name, part in skeleton.named_modules() if part is output]
    weights = {f"{name}.weight": output.weight for name in names[:1]}
    return next(iter(layout_of(weights, family, config)), None)


def _checked_layout(
    skeleton: nn.Module, family: Family, config: Config, found: dict[str, Header]
) -> Layout:
    """The layout, after comparing the checkpoint's headers with it: nothing is allocated yet."""
    weights = weights_of(skeleton)
    layout = layout_of(weights, family, config)
    shapes = {name: value.shape for name, value in weights.items()}
    shared = tied_keys(skeleton, family, config)
    for key, others in shared.items():
        other = next((name for name in others if name in found), None)
        if key not in found and key in layout and other is not None:
            layout[other] = layout.pop(key)
    known = set(shared).union(*shared.values())
    _compare_keys(layout, found, known, family.ignored)
    for key, pieces in layout.items():
        _compare_header(key, found[key], expected_shape(pieces, shapes))
    return layout


def _compare_header(key: str, found: Header, shape: list[int]) -> None:
    if found.shape != shape:
        raise CheckpointError(f"{key} has shape {found.shape}, expected {shape}.", key)
    if found.dtype not in STORED:
        raise CheckpointError(
            f"{key} is stored as {found.dtype}; weights are read as {', '.join(STORED)} only.", key
        )


def _compare_keys(
    layout: Layout, found: dict[str, Header], optional: set[str], ignored: tuple[str, ...]
) -> None:
    missing = sorted(set(layout) - set(found))
    if missing:
        raise CheckpointError(f"The checkpoint lacks {_listed(missing)}.", missing[0])
    extra = sorted(set(found) - set(layout) - optional)
    extra = [key for key in extra if not any(re.fullmatch(rule, key) for rule in ignored)]
    if extra:
        raise CheckpointError(f"The checkpoint has unknown keys: {_listed(extra)}.", extra[0])


def _listed(keys: list[str]) -> str:
    more = f" and {len(keys) - 3} more" if len(keys) > 3 else ""
    return ", ".join(keys[:3]) + more


def _refuse_nan(key: str, value: torch.Tensor) -> None:
    # a scalar may be an infinite limit (clipping that is switched off)
    if torch.isnan(value).any() or (value.dim() > 0 and torch.isinf(value).any()):
        raise CheckpointError(f"{key} holds values that are not finite.", key)
