"""A small Llama-shaped model, written for fast training on a CPU: mask predictor or causal.

It is the arithmetic of LLaDA (RMSNorm, half-rotation RoPE, SwiGLU, no bias, attention in both
directions), and its parameters carry LLaDA's key names, so that what it saves is a LLaDA
checkpoint. With `causal` every position sees those before it only, which is the arithmetic of
Llama (`export.llama_weights` has its names). Serving never uses this class: it loads the checkpoint
as any other.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor, nn


@dataclass(frozen=True)
class Shape:
    """Sizes and special ids of a mask predictor."""

    vocab_size: int
    context: int
    width: int = 128
    layers: int = 4
    heads: int = 4
    mlp_width: int = 352
    rope_theta: float = 10_000.0
    norm_eps: float = 1e-5
    end_id: int = 0
    mask_id: int = 1
    start_id: int | None = 2
    causal: bool = False


class RMSNorm(nn.Module):
    """RMS normalisation; the weight follows the input's dtype, which keeps the fused path."""

    def __init__(self, width: int, eps: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        normed: Tensor = F.rms_norm(x, (x.shape[-1],), self.weight.to(x.dtype), self.eps)
        return normed


class Block(nn.Module):
    """Attention and gated MLP, each after a norm and with a residual."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        width, hidden = shape.width, shape.mlp_width
        self.heads, self.causal = shape.heads, shape.causal
        self.attn_norm = RMSNorm(width, shape.norm_eps)
        self.q_proj = nn.Linear(width, width, bias=False)
        self.k_proj = nn.Linear(width, width, bias=False)
        self.v_proj = nn.Linear(width, width, bias=False)
        self.attn_out = nn.Linear(width, width, bias=False)
        self.ff_norm = RMSNorm(width, shape.norm_eps)
        self.ff_proj = nn.Linear(width, hidden, bias=False)
        self.up_proj = nn.Linear(width, hidden, bias=False)
        self.ff_out = nn.Linear(hidden, width, bias=False)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        """x [B, L, width] → the same shape; cos and sin [L, head width / 2]."""
        h = self.attn_norm(x)
        q = rotate(self._split(self.q_proj(h)), cos, sin)
        k = rotate(self._split(self.k_proj(h)), cos, sin)
        mixed = attend(q, k, self._split(self.v_proj(h)), self.causal)
        x = x + self.attn_out(mixed.transpose(1, 2).reshape(x.shape))
        h = self.ff_norm(x)
        x = x + self.ff_out(F.silu(self.ff_proj(h)) * self.up_proj(h))
        return x

    def _split(self, x: Tensor) -> Tensor:
        return x.view(*x.shape[:2], self.heads, -1).transpose(1, 2)


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Half-rotation RoPE on the last dimension."""
    a, b = x.chunk(2, dim=-1)
    return torch.cat([a * cos - b * sin, b * cos + a * sin], dim=-1)


def attend(q: Tensor, k: Tensor, v: Tensor, causal: bool = False) -> Tensor:
    """Attention over [B, H, L, D]; `causal`: each position sees itself and those before it.

    The backward pass of the fused kernel in bf16 is several times slower on a CPU than these
    three plain products, hence the two paths.
    """
    if q.dtype != torch.bfloat16 or q.is_cuda or not torch.is_grad_enabled():
        return F.scaled_dot_product_attention(q, k, v, is_causal=causal)
    batch, heads, length, width = q.shape
    flat = (batch * heads, length, width)
    bias = later_hidden(length, q.dtype) if causal else torch.empty(1, 1, 1, dtype=q.dtype)
    q, k, v = q.reshape(flat), k.reshape(flat), v.reshape(flat)
    beta, alpha = int(causal), 1 / math.sqrt(width)
    scores = torch.baddbmm(bias, q, k.transpose(1, 2), beta=beta, alpha=alpha)
    with torch.autocast("cpu", enabled=False):
        weights = scores.softmax(dim=-1)
    return torch.bmm(weights, v).view(batch, heads, length, width)


@cache
def later_hidden(length: int, dtype: torch.dtype) -> Tensor:
    """[1, L, L] to be added to scores: -inf where a position lies later than its row."""
    return torch.full((1, length, length), -math.inf, dtype=dtype).triu(1)


class Transformer(nn.Module):
    """Embedding, blocks, final norm and output matrix under LLaDA's names."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.wte = nn.Embedding(shape.vocab_size, shape.width)
        self.blocks = nn.ModuleList(Block(shape) for _ in range(shape.layers))
        self.ln_f = RMSNorm(shape.width, shape.norm_eps)
        self.ff_out = nn.Linear(shape.width, shape.vocab_size, bias=False)


class Body(nn.Module):
    """The `model.` level of LLaDA's key names."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.transformer = Transformer(shape)


class MaskPredictor(nn.Module):
    """Token ids [B, L] → logits [B, L, vocabulary]; row i predicts the token at position i."""

    cos: Tensor
    sin: Tensor

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.model = Body(shape)
        half = shape.width // shape.heads // 2
        rates = shape.rope_theta ** (-torch.arange(half).float() / half)
        angles = torch.outer(torch.arange(shape.context).float(), rates)
        self.register_buffer("cos", angles.cos(), persistent=False)
        self.register_buffer("sin", angles.sin(), persistent=False)
        initialise(self)

    def hidden(self, ids: Tensor) -> Tensor:
        """The normed last states [B, L, width]."""
        net = self.model.transformer
        x = net.wte(ids)
        if torch.is_autocast_enabled(ids.device.type):
            x = x.to(torch.get_autocast_dtype(ids.device.type))
        cos, sin = (table[: ids.shape[1]].to(x.dtype) for table in (self.cos, self.sin))
        for block in net.blocks:
            x = block(x, cos, sin)
        states: Tensor = net.ln_f(x)
        return states

    def forward(self, ids: Tensor) -> Tensor:
        logits: Tensor = self.model.transformer.ff_out(self.hidden(ids))
        return logits


def initialise(model: MaskPredictor) -> None:
    """Truncated normal; matrices that write into the residual are smaller by the depth."""
    depth = math.sqrt(2 * model.shape.layers)
    for name, parameter in model.named_parameters():
        if parameter.dim() < 2:
            continue
        std = 1 / math.sqrt(parameter.shape[1])
        if name.endswith(("wte.weight", "transformer.ff_out.weight")):
            std = 0.02
        elif name.endswith(("attn_out.weight", "ff_out.weight")):
            std /= depth
        nn.init.trunc_normal_(parameter, std=std, a=-3 * std, b=3 * std)
