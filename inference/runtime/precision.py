"""Precision "auto" on a CPU: measured once for each machine and shape of model.

Whether bfloat16 is quicker than float32 hangs on the processor (some have instructions for it) and
on the model (a small one spends its time elsewhere). Below MEASURED bytes both are timed with
random weights of the same shape, and the answer is kept in DATA_DIR; above, building a second copy
would take longer than it could save, and the processor's instructions decide. In doubt it is
float32, in which results never depend on who shares a forward pass.
"""

from __future__ import annotations

import hashlib
import json
import logging
import platform
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from django.conf import settings

from inference.engine.errors import InputError
from inference.engine.families import family_of
from inference.engine.families.family import Family
from inference.engine.native import construct
from inference.engine.threads import threads_for
from inference.runtime import devices

log = logging.getLogger(__name__)
FILE = "precision.json"
MEASURED = 2**30
"""Bytes of weights in float32 up to which both precisions are timed."""
TOKENS, ROUNDS = 64, 12
LEAST_ROUNDS, ENOUGH_SECONDS = 3, 3.0
"""So many rounds at least, and after so long no further one: a model is waited for."""
WORTH = 0.02
"""Seconds of a forward in float32 below which nothing is worth giving its exactness away."""
GAIN = 1.3
"""How many times quicker half precision has to be."""


def automatic(config: Mapping[str, Any], own: torch.dtype, parameters: int) -> torch.dtype:
    """The precision for a CPU: float32, or the checkpoint's `own` where that is quicker.

    `parameters`: how many numbers the model has. The files must have been found to fit config.json,
    since a model of its shape is built.
    """
    if own == torch.float32:
        return own
    timed = _known(config, own) if 4 * parameters <= MEASURED else None
    if timed is None:
        return own if has_instructions(own) or not _fits(4 * parameters) else torch.float32
    single, half = timed["float32"], timed[_name(own)]
    return own if single > WORTH and half * GAIN < single else torch.float32


def _known(config: Mapping[str, Any], own: torch.dtype) -> dict[str, float] | None:
    """Seconds in each precision, measured now or earlier; None for a family without a plain
    forward.
    """
    known, key = _read(), _key(config, own)
    if key not in known:
        try:
            known[key] = _timed(config, own)
        except InputError:
            return None
        _write(known)
    return known[key]


def has_instructions(dtype: torch.dtype) -> bool:
    """Whether this processor multiplies in that precision by itself."""
    names = {torch.bfloat16: ("_is_avx512_bf16_supported", "_is_amx_tile_supported")}
    asked = (getattr(torch.cpu, name, None) for name in names.get(dtype, ()))
    return any(supported is not None and supported() for supported in asked)


def _fits(size: int) -> bool:
    return size <= devices.memory(devices.CPU)


def _timed(config: Mapping[str, Any], own: torch.dtype) -> dict[str, float]:
    """Seconds of a forward over TOKENS tokens in each precision, by the threads it will have."""
    family = family_of(config)
    models = {dtype: construct(family, config).to(dtype).eval() for dtype in (torch.float32, own)}
    parameters = sum(one.numel() for one in models[own].parameters())
    torch.set_num_threads(threads_for(parameters, TOKENS, devices.cpu_threads()))
    try:
        return _best(family, models)
    finally:
        devices.take_all_threads()


def _best(family: Family, models: Mapping[torch.dtype, torch.nn.Module]) -> dict[str, float]:
    """The best of up to ROUNDS, in turns, since whatever else the machine does only ever makes a
    round slower.
    """
    seconds = dict.fromkeys(map(_name, models), float("inf"))
    enough = time.monotonic() + ENOUGH_SECONDS
    for number in range(ROUNDS):
        if number >= LEAST_ROUNDS and time.monotonic() > enough:
            break
        for dtype, model in models.items():
            seconds[_name(dtype)] = min(seconds[_name(dtype)], _forward_seconds(family, model))
    log.info("precision of a model measured: %s", seconds)
    return seconds


@torch.inference_mode()
def _forward_seconds(family: Family, model: torch.nn.Module) -> float:
    ids = torch.zeros(1, TOKENS, dtype=torch.long)
    started = time.perf_counter()
    family.head(model, family.body(model, ids))
    return time.perf_counter() - started


def _key(config: Mapping[str, Any], own: torch.dtype) -> str:
    """The machine, its threads, the libraries and the model's shape."""
    shape = json.dumps(family_of(config).native_config(config), sort_keys=True, default=str)
    parts = [shape, _name(own), _processor(), str(devices.cpu_threads()), torch.__version__]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return f"{platform.machine()} {platform.processor()}"


def _name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def _read() -> dict[str, dict[str, float]]:
    """What was measured before; a file that cannot be read is measured again."""
    try:
        found = json.loads(_path().read_text())
        return {key: row for key, row in found.items() if _sound(row)}
    except (OSError, ValueError, AttributeError):
        return {}


def _sound(row: Any) -> bool:
    return isinstance(row, dict) and all(isinstance(value, float) for value in row.values())


def _write(known: dict[str, dict[str, float]]) -> None:
    """Best effort: without it the next start measures again."""
    fresh = _path().with_suffix(".new")
    try:
        fresh.write_text(json.dumps(known, indent=1))
        fresh.replace(_path())
    except OSError:
        log.warning("what was measured could not be kept in DATA_DIR")


def _path() -> Path:
    return Path(settings.DATA_DIR) / FILE
