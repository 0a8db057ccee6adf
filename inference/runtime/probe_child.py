"""The child of `probe`: run as a script, it prints {"fault": ""} or what is wrong.

It imports nothing of this project, so that it starts quickly and a hostile file meets little code;
the parser of GGUF headers, which imports nothing of it either, is run from its file.
"""

from __future__ import annotations

import json
import resource
import runpy
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

HEADER_BYTES = 32 * 2**20
TENSORS = 200_000
CONFIG_BYTES = 4 * 2**20
TOKENIZER_BYTES = 256 * 2**20
TEMPLATE_BYTES = 2**18
GGUF_PARSER = Path(__file__).parents[1] / "engine" / "gguf" / "header.py"
BPE_BYTES = 64 * 2**20
SINGLE = "model.safetensors"
BPE = ("vocab.json", "added_tokens.json")
MERGES = "merges.txt"
SMALL = ("tokenizer_config.json", "generation_config.json", "model.safetensors.index.json")
SAMPLE = "The quick brown fox: 3 + 4 = 7, naïve 漢字 \U0001f600\n" * 20


class Fault(Exception):
    """What is wrong, in words for the person who wanted the model."""


def check_config(directory: Path) -> None:
    config = _json(directory / "config.json", CONFIG_BYTES)
    if not isinstance(config, dict):
        raise Fault("config.json is not a JSON object")


def check_regular(directory: Path) -> None:
    """Pipes and devices never end, or never begin: nothing but files is opened."""
    for path in directory.iterdir():
        if path.exists() and not path.is_dir() and not path.is_file():
            raise Fault(f"{path.name} is not a regular file")


def check_weights(directory: Path) -> None:
    """The headers alone: their size, their number of tensors, and that the file is long enough."""
    single = directory / SINGLE
    files = [single] if single.exists() else sorted(directory.glob("*.safetensors"))
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


def check_bpe_files(directory: Path) -> None:
    """Token → id, each id once and none beyond the rows of config.json; merges of two tokens."""
    if (directory / "tokenizer.json").exists() or not (directory / BPE[0]).exists():
        return
    rows = _rows(directory)
    for name in BPE:
        if (directory / name).exists():
            _check_ids(name, _json(directory / name, BPE_BYTES), rows)
    if (directory / MERGES).exists():
        _check_size(directory / MERGES, BPE_BYTES)
        for number, line in enumerate(_lines(directory / MERGES), 1):
            if line and not line.startswith("#version") and line.count(" ") != 1:
                raise Fault(f"line {number} of {MERGES} is no pair of tokens")


def _check_ids(name: str, found: Any, rows: float) -> None:
    if not isinstance(found, dict):
        raise Fault(f"{name} is not a JSON object")
    for token, number in found.items():
        if type(number) is not int or not 0 <= number < rows:
            raise Fault(f"{name} gives {token[:40]!r} an id that the model has no row for")
    if len(set(found.values())) < len(found):
        raise Fault(f"{name} gives the same id to two tokens")


def _rows(directory: Path) -> float:
    """How many rows config.json says that the model has; without an answer any number will do."""
    config = _json(directory / "config.json", CONFIG_BYTES)
    values = [config.get(key) for key in ("embedding_size", "vocab_size")]
    return next((value for value in values if type(value) is int and value > 0), float("inf"))


def _lines(path: Path) -> Iterator[str]:
    try:
        yield from path.read_text(encoding="utf-8").split("\n")
    except ValueError:
        raise Fault(f"{path.name} is not readable text") from None


def check_small_files(directory: Path) -> None:
    """What else is read as JSON."""
    for name in SMALL:
        if (directory / name).exists():
            _json(directory / name, BPE_BYTES)


def check_template(directory: Path) -> None:
    """A chat template is rendered once, as the engine does: it may run long or grow without end."""
    file, config = directory / "chat_template.jinja", directory / "tokenizer_config.json"
    if file.is_file():
        _check_size(file, TEMPLATE_BYTES)
        _render(file.read_text(encoding="utf-8", errors="replace"))
    elif config.is_file():
        found = _json(config, CONFIG_BYTES)
        _render(found.get("chat_template") if isinstance(found, dict) else None)


def _render(template: Any) -> None:
    """What it refuses, it may refuse: a template need not take this conversation."""
    if not isinstance(template, str):
        return
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True)
    turns = [{"role": role, "content": SAMPLE} for role in ("system", "user", "assistant")]
    try:
        environment.from_string(template).render(messages=turns, add_generation_prompt=True)
    except MemoryError:
        raise
    except Exception:
        return


def check_gguf(path: Path) -> None:
    """The whole header, by the engine's own parser, which needs nothing but Python."""
    files = [path] if path.is_file() else sorted(path.glob("*.gguf"))
    for file in files:
        if not file.is_file():
            raise Fault(f"{file.name} is not a regular file")
    if len(files) != 1:
        raise Fault(f"there are {len(files)} GGUF files in one directory")
    parser = runpy.run_path(str(GGUF_PARSER))
    try:
        header = parser["read_header"](files[0])
    except parser["GGUFError"] as error:
        raise Fault(f"{files[0].name}: {str(error).rstrip('.')}") from None
    _render(header.metadata.get("tokenizer.chat_template"))


CHECKS: tuple[Callable[[Path], None], ...] = (
    check_regular,
    check_config,
    check_weights,
    check_tokenizer,
    check_bpe_files,
    check_small_files,
    check_template,
)


def checks_for(path: Path) -> tuple[Callable[[Path], None], ...]:
    """What is looked at: a GGUF file, or a directory that holds some and no safetensors."""
    packed = any(path.glob("*.gguf")) and not any(path.glob("*.safetensors"))
    return (check_gguf,) if path.is_file() or packed else CHECKS


def _json(path: Path, limit: int) -> Any:
    if not path.is_file():
        raise Fault(f"{path.name} is missing")
    _check_size(path, limit)
    return _parsed(path.read_bytes(), path.name)


def _check_size(path: Path, limit: int) -> None:
    if path.stat().st_size > limit:
        raise Fault(f"{path.name} is larger than {limit // 2**20} MiB")


def _parsed(data: bytes, name: str) -> Any:
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        raise Fault(f"{name} is not readable JSON") from None


def main(directory: str, limit: str) -> str:
    resource.setrlimit(resource.RLIMIT_AS, (int(limit), int(limit)))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        for check in checks_for(Path(directory)):
            check(Path(directory))
    except Fault as fault:
        return str(fault)
    except MemoryError:
        return "reading them took too much memory"
    return ""


if __name__ == "__main__":
    print(json.dumps({"fault": main(sys.argv[1], sys.argv[2])}))
