"""A served process with a small random model whose vocabulary holds the ids of 001's examples."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import torch
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace

from inference.engine import checkpoint

ROOT = Path(__file__).resolve().parents[2]
WORDS = ["the", "future", "of", "ai", "is", "once", "upon", "a", "time", "hello", "world"]
VOCABULARY = 10_000
MASK = VOCABULARY - 1
SLUG = "tests/tiny"
CONFIG = {
    "model_type": "llada",
    "architectures": ["LLaDAModelLM"],
    "d_model": 32, "n_heads": 2, "n_kv_heads": 2, "n_layers": 1, "mlp_hidden_size": 48,
    "vocab_size": VOCABULARY, "embedding_size": VOCABULARY, "max_sequence_length": 256,
    "mask_token_id": MASK, "eos_token_id": 0, "pad_token_id": 0,
    "rope_theta": 10_000.0, "rms_norm_eps": 1e-5, "weight_tying": False, "torch_dtype": "float32",
    "block_type": "llama", "layer_norm_type": "rms", "activation_type": "silu", "rope": True,
    "include_bias": False, "include_qkv_bias": False, "alibi": False, "scale_logits": False,
}  # fmt: skip


def write_model(directory: Path) -> None:
    """A random LLaDA of one layer with a tokenizer of words."""
    torch.manual_seed(0)
    checkpoint.save(checkpoint.build(CONFIG), CONFIG, directory)
    vocabulary = {"<eos>": 0} | {word: n for n, word in enumerate(WORDS, 1)}
    fill = {f"w{n}": n for n in range(len(vocabulary), MASK)}
    tokenizer = Tokenizer(WordLevel(vocabulary | fill | {"[MASK]": MASK}, unk_token="<eos>"))
    tokenizer.pre_tokenizer = Whitespace()
    tokenizer.save(str(directory / "tokenizer.json"))


@dataclass
class Served:
    """A process that serves, and how to reach it."""

    port: int
    environment: dict[str, str]
    log: Path

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def socket(self, path: str = "/ws") -> str:
        return f"ws://127.0.0.1:{self.port}{path}"

    def manage(self, *arguments: str) -> str:
        return manage(self.environment, *arguments)


def manage(environment: dict[str, str], *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


@contextmanager
def serving(folder: Path, **settings: str) -> Iterator[Served]:
    """`manage.py serve` on a free port with a data directory of its own."""
    write_model(folder / "models" / SLUG)
    port = _free_port()
    environment = {
        **{key: value for key, value in os.environ.items() if not key.startswith("DJANGO")},
        "DATA_DIR": str(folder / "data"),
        "MODELS_DIR": str(folder / "models"),
        "DEFAULT_MODEL": SLUG,
        "PORT": str(port),
        "TORCH_THREADS": "1",
        "DJANGO_SETTINGS_MODULE": "config.settings",
        **settings,
    }
    manage(environment, "migrate", "-v", "0")
    manage(environment, "sync_models")
    log = folder / "serve.log"
    with log.open("w") as output:
        process = subprocess.Popen(
            [sys.executable, "manage.py", "serve"],
            cwd=ROOT, env=environment, stdout=output, stderr=subprocess.STDOUT,
        )  # fmt: skip
        try:
            served = Served(port, environment, log)
            _wait(served, process)
            yield served
        finally:
            process.terminate()
            process.wait(20)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait(served: Served, process: subprocess.Popen[bytes], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        assert process.poll() is None, served.log.read_text()[-2000:]
        try:
            with urlopen(served.url("/healthz"), timeout=2):
                return
        except (URLError, OSError):
            time.sleep(0.1)
    raise AssertionError(served.log.read_text()[-2000:])
