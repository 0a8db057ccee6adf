"""A model whose device runs out of memory goes on, slower, on the CPU: when, how, and the forwards
of those who asked where it was before."""

from __future__ import annotations

import gc
from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from inference.engine.checkpoint import LoadedModel
from inference.engine.forward import ForwardMany, Request
from inference.engine.placement import single_device

OUT_OF_MEMORY = (torch.OutOfMemoryError, MemoryError)
CPU = torch.device("cpu")


def is_out_of_memory(error: BaseException) -> bool:
    """Also the CPU allocator's plain RuntimeError."""
    if isinstance(error, OUT_OF_MEMORY):
        return True
    return isinstance(error, RuntimeError) and "can't allocate memory" in str(error)


def release() -> None:
    """Give cached blocks back to the device, those of errors and their tracebacks among them."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def may_move(model: LoadedModel, error: BaseException) -> bool:
    """Whether the error is lack of memory on a device that the model can leave.

    A model that its card spreads over devices stays where it was put: gathering it in one place
    would drop its device map.
    """
    if model.device.type == "cpu" or not is_out_of_memory(error):
        return False
    return model.device_map is None or single_device(model.device_map) is not None


def move_to_cpu(model: LoadedModel) -> None:
    """Weights go to the CPU, quantized ones as they are, and their room is given back."""
    model.model.to(CPU)
    model.device = CPU
    release()


def where_it_is(run: ForwardMany) -> ForwardMany:
    """Forwards where the model is now; rows come back to where their request is."""

    def moved(model: LoadedModel, requests: Sequence[Request]) -> list[Tensor]:
        found = run(model, [_moved(request, model.device) for request in requests])
        return [row.to(request.ids.device) for row, request in zip(found, requests, strict=True)]

    return moved


def _moved(request: Request, device: torch.device) -> Request:
    if request.ids.device == device:
        return request
    parts = {name: value.to(device) for name, value in vars(request).items() if value is not None}
    return replace(request, **parts)
