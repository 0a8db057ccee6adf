"""Attention of clean rows over clean keys, and of noisy rows over clean keys and their own block.

A mask over all rows would compute, and throw away, the scores of every noisy row with every other
one; here a row has as many scores as there are clean keys, and a block's worth more.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from transformers import AttentionInterface

NAME = "staircase"


def attend(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor,
    scaling: float,
    block: int,
    **kwargs: Any,
) -> tuple[Tensor, None]:
    """Mixed values [B, N, heads, size] of queries [B, heads, N, size].

    `key` and `value` [B, shared heads, N, size]; the first `clean` of the N rows are clean ones,
    the others whole blocks of noisy ones. `attention_mask` [B, 1, N, clean]: which clean keys a row
    sees; a clean row sees at least one.
    """
    batch, heads, rows, size = query.shape
    shared, clean = key.shape[1], attention_mask.shape[-1]
    grouped = (query * scaling).view(batch, shared, heads // shared, rows, size)
    scores = grouped @ key[:, :, None, :clean].mT
    scores = scores.masked_fill(~attention_mask[:, :, None], -torch.inf)
    before = scores[..., :clean, :].softmax(-1) @ value[:, :, None, :clean]
    after = _noisy(
        grouped[..., clean:, :], scores[..., clean:, :], key, value, clean=clean, block=block
    )
    mixed = torch.cat((before, after), -2).view(batch, heads, rows, size)
    return mixed.transpose(1, 2), None


def _noisy(
    query: Tensor, far: Tensor, key: Tensor, value: Tensor, *, clean: int, block: int
) -> Tensor:
    """One softmax over the scores `far` with clean keys and those with the rows' own blocks."""
    blocks = _in_blocks(query, block)
    own_key, own_value = (_in_blocks(part[:, :, None, clean:], block) for part in (key, value))
    near = (blocks @ own_key.mT).flatten(-3, -2)
    shares = torch.cat((far, near), -1).softmax(-1)
    own = _in_blocks(shares[..., clean:], block) @ own_value
    mixed: Tensor = shares[..., :clean] @ value[:, :, None, :clean] + own.flatten(-3, -2)
    return mixed


def _in_blocks(rows: Tensor, block: int) -> Tensor:
    """[..., n, m] as [..., n / block, block, m]."""
    return rows.reshape(*rows.shape[:-2], -1, block, rows.shape[-1])


AttentionInterface.register(NAME, attend)
