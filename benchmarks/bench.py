"""`make bench`: every section prints milliseconds and ratios taken in one run.

python -m benchmarks.bench [section ...] [--threads N]
"""

from __future__ import annotations

import argparse
import os
import platform
from importlib import import_module

import torch

SECTIONS: dict[str, tuple[str, str]] = {
    # name: (module:function, what it measures)
    "shipped": ("benchmarks.engine:shipped", "engine on the shipped model"),
    "large": ("benchmarks.engine:large", "engine with a large vocabulary"),
    "gpu": ("benchmarks.gpu:measure", "engine at LLaDA-8B's size on a GPU"),
    "digest": ("benchmarks.digests:measure", "digest: bytes, time, error"),
    "caches": ("benchmarks.caches:measure", "the caches of Fast-dLLM beside its own loop"),
    "threads": ("benchmarks.threads:measure", "a forward with one thread and with all"),
    "batch": ("benchmarks.batch:measure", "requests in one forward against one after the other"),
    "invariance": ("benchmarks.invariance:measure", "the same tokens alone and in company"),
    "real": ("benchmarks.real:measure", "SmolLM2 token by token, and its twin that denoises"),
    "rules": ("benchmarks.rules:measure", "what decoding rules make of the twin's answers"),
    "chat": (
        "benchmarks.chat:measure",
        "a token of a chat, those who watch, a long one in the browser",
    ),
    "crowd": ("benchmarks.crowd:measure", "a small answer while others ask for large ones"),
    "playground": (
        "benchmarks.playground:measure",
        "tokens of the drawer, and trainings beside it",
    ),
    "page": ("benchmarks.page:measure", "a step in the browser"),
    "servers": ("benchmarks.servers:measure", "ASGI servers under the same abuse"),
    "service": ("benchmarks.service:measure", "a step over server-sent events, both shapes"),
    "site": ("benchmarks.site:measure", "a step through worker, database, layer and socket"),
}


def main() -> None:
    arguments = _arguments()
    torch.set_num_threads(arguments.threads)
    print(f"{_machine()}, {arguments.threads} torch threads, torch {torch.__version__}")
    for name in arguments.sections or SECTIONS:
        module, function = SECTIONS[name][0].split(":")
        print(f"\n[{name}] {SECTIONS[name][1]}", flush=True)
        for line in getattr(import_module(module), function)():
            print(line, flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sections", nargs="*", choices=[*SECTIONS, []])
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    return parser.parse_args()


def _machine() -> str:
    return f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}"


if __name__ == "__main__":
    main()
