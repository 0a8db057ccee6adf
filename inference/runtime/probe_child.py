"""The child of `probe`: run as a script, it prints {"fault": ""} or what is wrong.

It imports nothing of this project, so that it starts quickly and a hostile file meets little code.
"""

from __future__ import annotations

import json
import resource
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

HEADER_BYTES = 32 * 2**20
TENSORS = 200_000
CONFIG_BYTES = 4 * 2**20
TOKENIZER_BYTES = 256 * 2**20
SAMPLE = "The quick brown fox: 3 + 4 = 7, naïve 漢字 \U0001f600\n" * 20


class Fault(Exception):
    """What is wrong, in words for the person who wanted the model."""


def check_config(directory: Path) -> None:
    config = _json(directory / "config.json", CONFIG_BYTES)
    if not isinstance(config, dict):
        raise Fault("config.json is not a JSON object")


def check_weights(directory: Path) -> None:
    """The headers alone: their size, their number of tensors, and that the file is long enough."""
    files = sorted(directory.glob("*.safetensors"))
    if not files:
        raise Fault("there is no *.safetensors file; pickle files are never read")
    for file in files:
        _check_header(file)


def _check_header(file: Path) -> None:
    total = file.stat().st_size
    with file.open("rb") as stream:
        length = int.from_bytes(stream.read(8), "little")
        if length > min(HEADER_BYTES, total):
            raise Fault(f"{file.name} has a header of impossible size")
        header = _parsed(stream.read(length), file.name)
    if len(header) > TENSORS:
        raise Fault(f"{file.name} names more than {TENSORS} tensors")
    ends = [_end(row) for name, row in header.items() if name != "__metadata__"]
    if max(ends, default=0) + 8 + length > total:
        raise Fault(f"{file.name} is shorter than its header says")


def _end(row: Any) -> int:
    try:
        return int(row["data_offsets"][1])
    except (TypeError, KeyError, IndexError, ValueError):
        raise Fault("a safetensors header is malformed") from None


def check_tokenizer(directory: Path) -> None:
    """Its regular expressions are run once here: some make the library panic."""
    path = directory / "tokenizer.json"
    if not path.exists():
        return
    _json(path, TOKENIZER_BYTES)
    from tokenizers import Tokenizer

    try:
        tokenizer = Tokenizer.from_file(str(path))
        tokenizer.decode(tokenizer.encode(SAMPLE).ids)
    except BaseException as error:  # a Rust panic is no Exception
        raise Fault(f"tokenizer.json cannot be used ({type(error).__name__})") from None


CHECKS: tuple[Callable[[Path], None], ...] = (check_config, check_weights, check_tokenizer)


def _json(path: Path, limit: int) -> Any:
    if not path.is_file():
        raise Fault(f"{path.name} is missing")
    if path.stat().st_size > limit:
        raise Fault(f"{path.name} is larger than {limit // 2**20} MiB")
    return _parsed(path.read_bytes(), path.name)


def _parsed(data: bytes, name: str) -> Any:
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        raise Fault(f"{name} is not readable JSON") from None


def main(directory: str, limit: str) -> str:
    resource.setrlimit(resource.RLIMIT_AS, (int(limit), int(limit)))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        for check in CHECKS:
            check(Path(directory))
    except Fault as fault:
        return str(fault)
    except MemoryError:
        return "reading them took too much memory"
    return ""


if __name__ == "__main__":
    print(json.dumps({"fault": main(sys.argv[1], sys.argv[2])}))
