"""Which device, how much of it, and what to do when it is full."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import torch
from django.conf import settings

from inference.engine.relocation import CPU, is_out_of_memory, release
from inference.errors import UnmaskError

__all__ = [
    "CPU",
    "asked_for",
    "cpu_threads",
    "is_out_of_memory",
    "memory",
    "preferred",
    "release",
    "take_all_threads",
]

_USUAL = torch.get_num_threads()
_asked: ContextVar[torch.device | None] = ContextVar("asked", default=None)


@contextmanager
def asked_for(name: str) -> Iterator[None]:
    """Loads inside go to a device: auto (as the settings say), cuda or cpu.

    Raises UnmaskError (validation) where this machine has no such device.
    """
    if name == "cuda" and not torch.cuda.is_available():
        raise UnmaskError("validation", "This worker has no CUDA device. Use auto.", "device")
    token = _asked.set(None if name == "auto" else torch.device(name))
    try:
        yield
    finally:
        _asked.reset(token)


def preferred() -> torch.device:
    """The device that was asked for; else DEVICE, or the first GPU, or the CPU."""
    asked = _asked.get()
    if asked is not None:
        return asked
    if settings.DEVICE != "auto":
        return torch.device(settings.DEVICE)
    return torch.device("cuda") if torch.cuda.is_available() else CPU


def memory(device: torch.device) -> int:
    """Bytes that loaded models may take on a device: MODEL_MEMORY_MB, else three quarters."""
    if settings.MODEL_MEMORY_BYTES:
        return int(settings.MODEL_MEMORY_BYTES)
    return _total(device) * 3 // 4


def _total(device: torch.device) -> int:
    if device.type == "cuda":
        return int(torch.cuda.get_device_properties(device).total_memory)
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def cpu_threads() -> int:
    """TORCH_THREADS, else what torch has found right for this machine."""
    return int(settings.TORCH_THREADS or _USUAL)


def take_all_threads() -> None:
    """Let the calling thread, and threads that are new to torch, use all."""
    torch.set_num_threads(cpu_threads())
