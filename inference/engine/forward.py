"""One forward pass: ids in, the wanted rows of logits out, on the model's device.

Row i always holds the prediction *for* position i, also for models that predict the next token.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from inference.engine.checkpoint import LoadedModel
from inference.engine.errors import InputError, NonFiniteError

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
    hidden = hidden_states(model, ids, *attention(model, ids.shape[1], attention_mask))
    wanted = torch.arange(ids.shape[1], device=model.device) if rows is None else _long(model, rows)
    found = predictions(model, hidden[:, source_rows(model, wanted)])
    for rows_of_one in found:
        check_finite(rows_of_one, wanted)
    return found


def hidden_states(
    model: LoadedModel,
    ids: Tensor,
    mask: Tensor | None,
    positions: Tensor | None,
    cache: Any = None,
) -> Tensor:
    """The native body's final hidden states [B, L, d]; raw: a shifted model is not unshifted."""
    try:
        states: Tensor = model.family.body(model.model, ids, mask, positions, cache)
    except IndexError:
        _check_vocabulary(model, ids)
        raise
    return states


def predictions(model: LoadedModel, hidden: Tensor) -> Tensor:
    """float32 logits [..., V] of hidden states [..., d]."""
    return model.family.head(model.model, hidden).float()


def check_finite(logits: Tensor, positions: Tensor) -> None:
    """Raises NonFiniteError naming the first of the positions [n] whose logits [n, V] are none.

    One sum over everything finds them, since either makes it NaN or infinite, and what is large but
    finite, which is then looked at row by row.
    """
    if math.isfinite(logits.sum()):
        return
    fine = torch.isfinite(logits).all(-1)
    if not fine.all():
        raise NonFiniteError(int(positions[int((~fine).int().argmax())]))


def source_rows(model: LoadedModel, rows: Tensor) -> Tensor:
    """Where the predictions for positions [n] stand, [n]: shifted, one place to the left."""
    return rows if model.spec.predict == "same" else (rows - 1).clamp_min(0)


def attention(
    model: LoadedModel, length: int, padding: Tensor | None
) -> tuple[Tensor | None, Tensor | None]:
    """The mask and the positions that this model wants for padding [B, L] (None = no padding)."""
    padded = padding is not None and not bool(padding.all())
    keep = padding.to(model.device) if padding is not None and padded else None
    positions = None
    if keep is not None and model.spec.pad_positions == "counted":
        positions = (keep.long().cumsum(-1) - 1).masked_fill(keep == 0, 1)
    return visibility(model, length, keep), positions


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
    """Raises InputError for empty or too long sequences [..., L] and ids that there are not."""
    check_length(model, ids.shape[-1])
    _protect(model, ids)


def _protect(model: LoadedModel, ids: Tensor) -> None:
    """An id outside the table would end a GPU's whole context; a CPU's table just refuses it."""
    if not ids.is_cpu:
        _check_vocabulary(model, ids)


def _check_vocabulary(model: LoadedModel, ids: Tensor) -> None:
    low, high = ids.aminmax()
    if int(low) < 0 or int(high) >= model.spec.vocab_size:
        raise InputError(f"Token ids must be 0 to {model.spec.vocab_size - 1}.", "token_ids")


def check_length(model: LoadedModel, length: int) -> None:
    """Raises InputError for an empty sequence and for one beyond the model's context."""
    if length == 0:
        raise InputError("The sequence is empty.", "token_ids")
    if length > model.spec.context:
        raise InputError(
            f"The sequence has {length} tokens; this model's context is {model.spec.context}.",
            "gen_length",
        )


def _long(model: LoadedModel, values: Sequence[int] | Tensor) -> Tensor:
    return torch.as_tensor(values, dtype=torch.long, device=model.device)


@torch.inference_mode()
def forward_many(model: LoadedModel, requests: Sequence[Request]) -> list[Tensor]:
    """float32 logits [n, V] of each request's n rows, from one padded forward.

    Sequences are padded on the right; padding is hidden, so that a row depends on its own
    sequence only. Raises InputError for an empty or too long sequence and for ids outside the
    vocabulary, NonFiniteError for numbers that are none.
    """
    width = max(request.ids.shape[0] for request in requests)
    check_length(model, max(_longest(request) for request in requests))
    rows = [_fill(request.ids, width, model.spec.pad_id or 0) for request in requests]
    ids = torch.stack(rows) if len(rows) > 1 else rows[0][None]
    _protect(model, ids)
    hidden = hidden_states(model, ids, *_shared_attention(model, requests, width))
    wanted = [_rows(model, request) for request in requests]
    parts = [hidden[i, source_rows(model, rows)] for i, rows in enumerate(wanted)]
    logits = predictions(model, torch.cat(parts) if len(parts) > 1 else parts[0])
    check_finite(logits, torch.cat(wanted) if len(wanted) > 1 else wanted[0])
    return (
        list(torch.split(logits, [part.shape[0] for part in parts])) if len(parts) > 1 else [logits]
    )


def _longest(request: Request) -> int:
    """How far positions go: places appended at positions of others do not count."""
    return request.ids.shape[0] if request.positions is None else int(request.positions.max()) + 1


def _rows(model: LoadedModel, request: Request) -> Tensor:
    """The positions [n] of which the request wants logits."""
    if request.rows is not None:
        return request.rows
    return torch.arange(len(request.ids), device=model.device)


def _shared_attention(
    model: LoadedModel, requests: Sequence[Request], width: int
) -> tuple[Tensor | None, Tensor | None]:
    plain = all(one.attend is None for one in requests)
    full = all(one.positions is None and one.ids.shape[0] == width for one in requests)
    if plain and full:
        return attention(model, width, None)
    return _padded_mask(model, requests, width, plain), _positions(requests, width)


def _padded_mask(
    model: LoadedModel, requests: Sequence[Request], width: int, plain: bool
) -> Tensor:
    lengths = torch.tensor([len(request.ids) for request in requests], device=model.device)
    real = torch.arange(width, device=model.device)[None, :] < lengths[:, None]
    if plain and model.spec.attention == "full":
        return real.long()
    seen = [_fill2(_visible(model, request), width) for request in requests]
    return torch.stack(seen)[:, None]


def _visible(model: LoadedModel, request: Request) -> Tensor:
    return structure(model, len(request.ids)) if request.attend is None else request.attend


def _positions(requests: Sequence[Request], width: int) -> Tensor | None:
    """Own positions of each sequence; None when all simply count up."""
    if all(request.positions is None for request in requests):
        return None
    count = torch.arange(width, device=requests[0].ids.device)
    rows = [count if r.positions is None else _fill(r.positions, width, 0) for r in requests]
    return torch.stack(rows)


def _fill(row: Tensor, width: int, value: int) -> Tensor:
    short = width - row.shape[0]
    return torch.nn.functional.pad(row, (0, short), value=value) if short else row


def _fill2(mask: Tensor, width: int) -> Tensor:
    """A visibility padded to [width, width]; padding sees itself, lest a row see nothing."""
    size = len(mask)
    padded = torch.eye(width, dtype=torch.bool, device=mask.device)
    padded[:size, :size] = mask
    return padded
