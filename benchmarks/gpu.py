"""The engine at LLaDA-8B's size on a GPU: steps, digests, batches, lack of memory, same tokens.

    python3 -m benchmarks.gpu [--device cuda] [--seconds 90] [--parts steps digest ...]

Needs torch, transformers, tokenizers and safetensors, no Django. Each part prints as it goes; one
that fails says so and the next one begins; after `--seconds` the program ends itself. On a CPU
small bodies stand in for the large one, to try the program, not to measure anything.
"""

from __future__ import annotations

import argparse
import os
import threading
import time
from collections.abc import Iterator, Sequence

import torch

from benchmarks import models
from benchmarks.gpu_parts import LONG, PARTS, Bench


def measure() -> Iterator[str]:
    """Lines of the report, where a GPU is at hand."""
    if not torch.cuda.is_available():
        yield "LLaDA-8B shape in bf16: no CUDA device here, not measured"
        return
    yield from report(torch.device("cuda"), list(PARTS))


def report(device: torch.device, parts: Sequence[str]) -> Iterator[str]:
    """The lines of some parts, as they come."""
    bench = _bench(device)
    shape = f"{bench.model.parameters / 1e9:.2f} G parameters, {bench.model.dtype}"
    yield f"{_name(device)}: {shape}, torch {torch.__version__}"
    for part in parts:
        began = time.perf_counter()
        try:
            yield from PARTS[part](bench)
        except Exception as error:
            yield f"  {part} failed: {type(error).__name__}: {error}"
        yield f"  ({part}: {time.perf_counter() - began:.1f} s)"


def _bench(device: torch.device) -> Bench:
    if device.type == "cpu":
        tiny = models.random_on(device, 64, 2, 4, 128)
        return Bench(device, tiny, lambda: models.random_on(device, 64, 2, 4, 128), 64, 2)
    large = models.random_on(device, 4096, 32, 32, 12_288, dtype=torch.bfloat16)
    return Bench(device, large, lambda: models.random_on(device, 576, 30, 9, 1536), LONG, 7)


def _name(device: torch.device) -> str:
    return torch.cuda.get_device_name() if device.type == "cuda" else "a CPU, to try the program"


def main() -> None:
    arguments = _arguments()
    watch = threading.Timer(arguments.seconds, _end)
    watch.daemon = True
    watch.start()
    torch.manual_seed(0)
    for line in report(torch.device(arguments.device), arguments.parts or list(PARTS)):
        print(line, flush=True)


def _end() -> None:
    print("the time is over: what is missing was not measured", flush=True)
    os._exit(3)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--seconds", type=float, default=90.0)
    parser.add_argument("--parts", nargs="*", choices=[*PARTS], default=[])
    return parser.parse_args()


if __name__ == "__main__":
    main()
