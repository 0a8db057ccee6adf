"""The real site in a process of its own, which a test can stop and start again."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from tests.servers import ROOT, Site, environment, manage, wait_for
from tests.tiny import tiny_model

SLUG = "tiny"
CARD = {
    "label": "Tiny random letters",
    "kind": "diffusion",
    "trained_on": "Not trained at all: random weights over letters.",
    "examples": [
        {"prompt": "once upon a time", "gen_length": 24, "block_length": 24},
        {"prompt": "the future of ai is", "gen_length": 64, "block_length": 16},
    ],
}


@dataclass
class House:
    """`manage.py serve` on a port and a data directory that survive a restart."""

    folder: Path
    env: dict[str, str] = field(init=False)
    process: subprocess.Popen[bytes] | None = None

    def __post_init__(self) -> None:
        directory = tiny_model(self.folder / "models" / SLUG)
        (directory / "unmask.json").write_text(json.dumps(CARD), encoding="utf-8")
        settings = {"DEFAULT_MODEL": SLUG, "SOCKETS_PER_USER": "50", "ALLOW_GUESTS": "1"}
        models = str(self.folder / "models")
        self.env = environment(self.folder, MODELS_DIR=models, **settings)
        manage(self.env, "migrate", "--verbosity", "0")

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.env['PORT']}"

    def start(self) -> None:
        log = self.folder / "web.log"
        with log.open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, "manage.py", "serve"],
                cwd=ROOT,
                env=self.env,
                stdout=output,
                stderr=output,
            )
        site = Site(self.url, self.env, self.process, log)
        wait_for(site.is_ready, f"readiness ({site.url})")

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        if self.process is not None:
            self.process.send_signal(how)
            self.process.wait(20)
            self.process = None
