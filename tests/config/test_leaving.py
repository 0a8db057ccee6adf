"""The server ends when it is told to, also while a task goes on that nobody can end."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

SCRIPT = """
import threading
import django
django.setup()
from config import embedded, server
from config.celery import app
from config.management.commands import serve

began = threading.Event()

@app.task(name="stuck")
def stuck():
    began.set()
    threading.Event().wait(60)

class Stopped:
    failure = None
    def run(self):
        embedded.EMBEDDED.start()
        stuck.delay()
        assert began.wait(20)

embedded.STOP_SECONDS = 0.5
server.build = lambda *_: Stopped()
serve._serve("127.0.0.1", 1, print)
"""


def test_a_task_that_does_not_end_is_left_behind(tmp_path: Path) -> None:
    """The interpreter alone would wait a minute for its thread."""
    own = {"DATA_DIR": str(tmp_path), "DJANGO_SETTINGS_MODULE": "config.settings"}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        env={**os.environ, **own},
        capture_output=True,
        text=True,
        timeout=45,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "left behind" in done.stderr
