"""A frozen native model with a trainable low-rank addition to its matrices and a mask vector.

The groups and their names are those of `inference.engine.adapters`, whose files this writes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from inference.engine.adapters import FILE, GROUPS, MASK, dequantized, quantized
from inference.engine.checkpoint import LoadedModel
from inference.engine.errors import InputError
from inference.engine.training.adaptation import staircase


@dataclass
class Switch:
    """Whether the additions take part: without them the model is its parent."""

    on: bool = True


FOLDED = 8192
"""From so many rows on, a sum of matrices costs less than three products and a sum of outputs."""


class LowRankLinear(nn.Module):
    """A linear layer plus the rows `rows` of up · down."""

    base: nn.Linear

    def __init__(
        self, base: nn.Linear, down: nn.Parameter, up: nn.Parameter, rows: slice, switch: Switch
    ) -> None:
        super().__init__()
        self.base, self._switch, self._rows = base, switch, rows
        self._pair = [down, up]  # in a list: the parameters belong to the adapter alone

    def forward(self, inputs: Tensor) -> Tensor:
        """[..., in] to [..., out]."""
        if not self._switch.on:
            return self.base(inputs)  # type: ignore[no-any-return]
        down, up = self._pair
        if inputs.numel() >= FOLDED * inputs.shape[-1]:
            weight = self.base.weight + up[self._rows] @ down
            return F.linear(inputs, weight.to(inputs.dtype), self.base.bias)
        added = F.linear(inputs, down.to(inputs.dtype))
        outputs: Tensor = self.base(inputs)
        return outputs + F.linear(added, up.to(inputs.dtype)[self._rows])


class Adapter(nn.Module):
    """What is trained. The parent's modules are wrapped in place; its weights stay as they are.

    Raises InputError for a model whose layers have other matrices than a Llama's.
    """

    def __init__(self, parent: LoadedModel, rank: int, mask_id: int, seed: int = 0) -> None:
        super().__init__()
        self.switch, self.mask_id = Switch(), mask_id
        self._parent: list[Any] = [parent.model]
        self.parts = nn.ParameterDict()
        generator = torch.Generator().manual_seed(seed)
        for number, layer in enumerate(self.native.model.layers):
            for group in GROUPS:
                self._wrap(layer, f"layers.{number}.{group}", group, rank, generator)
        self.mask = nn.Parameter(self.table.detach().float().mean(0))
        self.mask.data = self.mask.data.to(parent.device)
        config = self.native.config
        self._usual, config._attn_implementation = config._attn_implementation, staircase.NAME

    @property
    def native(self) -> Any:
        return self._parent[0]

    @property
    def table(self) -> Tensor:
        """The parent's input vectors [V, d]."""
        weight: Tensor = self.native.get_input_embeddings().weight
        return weight

    def _wrap(
        self, layer: nn.Module, name: str, group: str, rank: int, generator: torch.Generator
    ) -> None:
        """`down` begins random, `up` at 0: nothing is added at first."""
        bases = [_linear(layer, part) for part in GROUPS[group]]
        columns, device = bases[0].in_features, bases[0].weight.device
        drawn = torch.randn(rank, columns, generator=generator) / columns**0.5
        down = nn.Parameter(drawn.to(device))
        up = nn.Parameter(torch.zeros(sum(b.out_features for b in bases), rank, device=device))
        self.parts[_key(f"{name}.down")], self.parts[_key(f"{name}.up")] = down, up
        start = 0
        for part, base in zip(GROUPS[group], bases, strict=True):
            span = slice(start, start := start + base.out_features)
            layer.set_submodule(part, LowRankLinear(base, down, up, span, self.switch))

    def forward(
        self,
        ids: Tensor,
        places: Tensor,
        seen: Tensor,
        rows: tuple[Tensor, Tensor],
        block: int,
    ) -> Tensor:
        """Float32 logits [n, V] of the wanted rows (batch index [n], column [n]).

        `ids`, `places` [B, N]: tokens and their positions; `seen` [B, N, clean]: which of the first
        `clean` rows each may look at; those behind them look at their own block of `block`, too.
        """
        inputs = F.embedding(ids, self.table)
        inputs = torch.where((ids == self.mask_id)[..., None], self.mask.to(inputs.dtype), inputs)
        hidden = self.native.model(
            inputs_embeds=inputs,
            attention_mask=seen[:, None],
            position_ids=places,
            use_cache=False,
            block=block,
        ).last_hidden_state
        logits: Tensor = self.native.lm_head(hidden[rows])
        return logits.float()

    def switch_off(self) -> None:
        """The parent computes and attends as before."""
        self.switch.on = False
        self.native.config._attn_implementation = self._usual

    def check(self, file: Path, field: str) -> None:
        """Raises InputError (with `field`) for what is no adapter, or one of other shapes."""
        for _ in self._stored(file, field):
            pass

    @torch.no_grad()
    def load(self, file: Path, share: float = 1.0, field: str = "start_from") -> None:
        """The numbers of an adapter, or a mean of them with this share. Raises as `check`."""
        for value, found in self._stored(file, field):
            value.lerp_(found.to(value), share)

    def _stored(self, file: Path, field: str) -> Iterator[tuple[Tensor, Tensor]]:
        """What is trained, and the numbers for it in a file."""
        try:
            stored = load_file(file)
        except (OSError, SafetensorError):
            raise InputError(f"There is no adapter there, {file.name}.", field) from None
        for name, value in (*self._named(), (MASK, self.mask)):
            if name not in stored or stored[name].shape != value.shape:
                raise InputError(f"{file.name} does not fit this model at {name}.", field)
            yield value, stored[name] if name == MASK else dequantized(stored, name)

    def _named(self) -> Iterator[tuple[str, Tensor]]:
        """The matrices by their names in the file."""
        for number in range(len(self.native.model.layers)):
            for group in GROUPS:
                for part in ("down", "up"):
                    name = f"layers.{number}.{group}.{part}"
                    yield name, self.parts[_key(name)]

    def save(self, folder: Path) -> None:
        """adapter.safetensors: int8 matrices with a scale a row, and the mask's vector."""
        stored = {MASK: self.mask.detach().float().cpu().contiguous()}
        for name, value in self._named():
            stored[name], stored[f"{name}.scale"] = quantized(value.detach().cpu())
        save_file(stored, folder / FILE)


def _linear(layer: nn.Module, part: str) -> nn.Linear:
    try:
        found = layer.get_submodule(part)
    except AttributeError:
        found = None
    if not isinstance(found, nn.Linear):
        raise InputError(f"A model without matrices {part} cannot be adapted.", "from")
    return found


def _key(name: str) -> str:
    """A name that torch takes for a parameter."""
    return name.replace(".", "_")
