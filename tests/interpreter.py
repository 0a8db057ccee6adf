"""A Python with a site's settings that answers line by line: Django takes seconds to start."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

LOOP = """
import contextlib, io, json, sys, traceback
import django
from django.db import close_old_connections
django.setup()
for line in sys.stdin:
    written = io.StringIO()
    close_old_connections()
    try:
        with contextlib.redirect_stdout(written):
            exec(json.loads(line), {"__name__": "__main__"})
        answer = [True, written.getvalue()]
    except BaseException:
        answer = [False, traceback.format_exc()]
    print(json.dumps(answer), flush=True)
"""


class Interpreter:
    """One child process, started by the first question."""

    def __init__(self, env: dict[str, str], cwd: Path) -> None:
        self.env = {**env, "DJANGO_SETTINGS_MODULE": "config.settings"}
        self.cwd = cwd
        self._child: subprocess.Popen[str] | None = None

    def run(self, code: str) -> Any:
        """What the code prints, read as JSON. Raises AssertionError with its traceback."""
        child = self._child or self._start()
        assert child.stdin is not None
        assert child.stdout is not None
        child.stdin.write(json.dumps(code) + "\n")
        child.stdin.flush()
        is_done, text = json.loads(child.stdout.readline())
        assert is_done, text
        return json.loads(text)

    def _start(self) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", LOOP]
        pipe = subprocess.PIPE
        self._child = subprocess.Popen(
            command, env=self.env, cwd=self.cwd, text=True, stdin=pipe, stdout=pipe
        )
        return self._child

    def close(self) -> None:
        """End the child, which reads on until its input ends."""
        if self._child is None:
            return
        self._child.communicate(timeout=20)
        self._child = None
