"""A served process with a small random model that knows the ids of the protocol's examples."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace
from websockets.asyncio.client import ClientConnection, connect

from inference.engine import checkpoint
from tests.servers import Site, embedded_site

LARGEST = 10 * 1024 * 1024
SECONDS = 30
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


@contextmanager
def serving(folder: Path, **settings: str) -> Iterator[Site]:
    """The embedded shape, with the random model as its default."""
    write_model(folder / "models" / SLUG)
    models = {"MODELS_DIR": str(folder / "models"), "DEFAULT_MODEL": SLUG}
    with embedded_site(folder, **models, **settings) as site:
        yield site


class Client:
    """Sends objects, receives objects."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket

    async def send(self, **message: Any) -> None:
        await self.socket.send(json.dumps(message))

    async def receive(self) -> dict[str, Any]:
        text = await asyncio.wait_for(self.socket.recv(), SECONDS)
        message: dict[str, Any] = json.loads(text)
        return message

    async def ask(self, **message: Any) -> dict[str, Any]:
        await self.send(**message)
        return await self.receive()

    async def until(self, **wanted: Any) -> dict[str, Any]:
        """The next message that has these values."""
        while True:
            message = await self.receive()
            if wanted.items() <= message.items():
                return message


@asynccontextmanager
async def client(site: Site, token: str = "", path: str = "/ws") -> AsyncIterator[Client]:
    """A connected client that has seen a loaded model (on /ws)."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    address = site.socket_url + path
    async with connect(address, max_size=LARGEST, additional_headers=headers) as socket:
        peer = Client(socket)
        if path == "/ws":
            status = await peer.receive()
            assert status["type"] == "model_status"
            while not status["is_loaded"]:
                status = await peer.receive()
        yield peer
