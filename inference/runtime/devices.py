"""Which device, how much of it, and what to do when it is full."""

from __future__ import annotations

import gc
import os

import torch
from django.conf import settings

OUT_OF_MEMORY = (torch.OutOfMemoryError, MemoryError)
CPU = torch.device("cpu")


def preferred() -> torch.device:
    """DEVICE, or the first GPU, or the CPU."""
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


def limit_threads() -> None:
    if settings.TORCH_THREADS:
        torch.set_num_threads(settings.TORCH_THREADS)
