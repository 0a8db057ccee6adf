"""One forward pass: ids in, the wanted rows of logits out, on the model's device.

Row i always holds the prediction *for* position i, also for models that predict the next token.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from .checkpoint import LoadedModel
from .errors import InputError

Rows = Sequence[int] | Tensor | None


@dataclass(frozen=True)
class Request:
    """One sequence of a shared forward: ids [L], wanted rows (None = all, ascending).

    `attend` [L, L] (True = may see) and `positions` [L] replace the model's own when given.
    """

    ids: Tensor
    rows: Tensor | None = None
    attend: Tensor | None = None
    positions: Tensor | None = None


ForwardMany = Callable[[LoadedModel, Sequence[Request]], list[Tensor]]


@torch.inference_mode()
def logits(
    model: LoadedModel,
    ids: Sequence[int] | Tensor,
    rows: Rows = None,
    attention_mask: Sequence[int] | Tensor | None = None,
) -> Tensor:
    """Logits [n, V] of one sequence, for `rows` (positions; None = all n = L).

    `attention_mask` holds 0 for padding. Raises InputError for an empty or too long sequence.
    """
    row = _long(model, ids)[None]
    mask = None if attention_mask is None else _long(model, attention_mask)[None]
    return logits_batch(model, row, rows, mask)[0]


@torch.inference_mode()
def logits_batch(
    model: LoadedModel, ids: Tensor, rows: Rows = None, attention_mask: Tensor | None = None
) -> Tensor:
    """Logits [B, n, V] of equally long sequences [B, L]; `rows` are the same for each of them."""
    ids = ids.to(model.device)
    check_ids(model, ids)
    wanted = None if rows is None else _long(model, rows)
    return raw_forward(model, ids, wanted, *attention(model, ids, attention_mask))


def raw_forward(
    model: LoadedModel,
    ids: Tensor,
    rows: Tensor | None,
    mask: Tensor | None,
    positions: Tensor | None,
) -> Tensor:
    """The native call: ids [B, L], prepared mask and positions, shift applied, float32 logits."""
    keep = _source_rows(model, rows, ids.shape[1])
    output = model.family.run(model.model, ids, keep, mask, positions)
    return output.float()


def attention(
    model: LoadedModel, ids: Tensor, padding: Tensor | None
) -> tuple[Tensor | None, Tensor | None]:
    """The mask and the positions that this model wants for padding [B, L] (None = no padding)."""
    padded = padding is not None and not bool(padding.all())
    keep = padding.to(model.device) if padding is not None and padded else None
    positions = None
    if keep is not None and model.spec.pad_positions == "counted":
        positions = (keep.long().cumsum(-1) - 1).masked_fill(keep == 0, 1)
    return visibility(model, ids.shape[1], keep), positions


def visibility(model: LoadedModel, length: int, padding: Tensor | None) -> Tensor | None:
    """What may see what: None, a 2D padding mask [B, L] or a 4D mask [B or 1, 1, L, L]."""
    if model.spec.attention == "full":
        return padding
    seen = structure(model, length)[None, None]
    return seen if padding is None else seen & padding.bool()[:, None, None, :]


def structure(model: LoadedModel, length: int) -> Tensor:
    """The model's own visibility [L, L]: everything, earlier tokens, or blocks up to one's own."""
    index = torch.arange(length, device=model.device)
    if model.spec.attention == "full":
        return torch.ones(length, length, dtype=torch.bool, device=model.device)
    if model.spec.attention == "block":
        index = index // (model.spec.block_size or 1)
    return index[:, None] >= index[None, :]


def check_ids(model: LoadedModel, ids: Tensor) -> None:
    """Raises InputError for an empty or too long sequence and for ids outside the vocabulary."""
    length = ids.shape[-1]
    if length == 0:
        raise InputError("The sequence is empty.", "token_ids")
    if length > model.spec.context:
        raise InputError(
            f"The sequence has {length} tokens; this model's context is {model.spec.context}.",
            "gen_length",
        )
    if int(ids.min()) < 0 or int(ids.max()) >= model.spec.vocab_size:
        raise InputError(f"Token ids must be 0 to {model.spec.vocab_size - 1}.", "token_ids")


def _source_rows(model: LoadedModel, rows: Tensor | None, length: int) -> Tensor | None:
    """Where the predictions for `rows` stand: a shifted model has them one place to the left."""
    if model.spec.predict == "same":
        return rows
    wanted = rows if rows is not None else torch.arange(length, device=model.device)
    return (wanted - 1).clamp_min(0)


def _long(model: LoadedModel, values: Sequence[int] | Tensor) -> Tensor:
    return torch.as_tensor(values, dtype=torch.long, device=model.device)
