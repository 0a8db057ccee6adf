"""The site that the browser looks at: a random model of letters, with examples on its card.

A slow one stands beside it, for runs that have to be caught in the making.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.servers import Site, embedded_site
from tests.tiny import tiny_model

SLUG, SLOW = "tiny", "slow"
LONGEST = 1024
"""Masks that a canvas of the slow model can have."""
CARD = {
    "label": "Tiny random letters",
    "kind": "diffusion",
    "trained_on": "Not trained at all: random weights over letters.",
    "examples": [
        {"prompt": "once upon a time", "gen_length": 24, "block_length": 24},
        {"prompt": "the future of ai is", "gen_length": 64, "block_length": 16},
    ],
}


@contextmanager
def housed(folder: Path, **more: str) -> Iterator[Site]:
    """The embedded shape; a test may stop and start it again."""
    directory = tiny_model(folder / "models" / SLUG)
    tiny_model(folder / "models" / SLOW, width=256, layers=10, context=LONGEST + 64)
    (directory / "unmask.json").write_text(json.dumps(CARD), encoding="utf-8")
    settings = {"DEFAULT_MODEL": SLUG, "SOCKETS_PER_USER": "50", "ALLOW_GUESTS": "1"} | more
    with embedded_site(folder, MODELS_DIR=str(folder / "models"), **settings) as site:
        yield site
