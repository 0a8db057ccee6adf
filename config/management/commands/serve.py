"""`python manage.py serve`: the web server; in the embedded shape with its worker inside."""

from __future__ import annotations

import threading
import time
from http.client import HTTPException
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser

from config.env import env


class Command(BaseCommand):
    help = "Serve the site on HOST:PORT."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--host", default=env().HOST)
        parser.add_argument("--port", type=int, default=env().PORT)

    def handle(self, *args: Any, host: str, port: int, **options: Any) -> None:
        if settings.EMBEDDED:
            _start_worker()
        call_command("collectstatic", interactive=False, verbosity=0)
        address = f"http://{'localhost' if host == '127.0.0.1' else host}:{port}"
        threading.Thread(target=self._announce, args=(host, port, address), daemon=True).start()
        _serve(host, port)

    def _announce(self, host: str, port: int, address: str) -> None:
        """The address, once the page is really there."""
        if _answers(f"http://{'127.0.0.1' if host == '0.0.0.0' else host}:{port}/healthz"):
            self.stdout.write(self.style.SUCCESS(f"Unmask is at {address} (Ctrl-C stops it)"))
            self.stdout.flush()


def _start_worker() -> None:
    from config.embedded import EMBEDDED
    from config.lock import Occupied

    try:
        EMBEDDED.start(wait=False)
    except Occupied as error:
        raise CommandError(str(error)) from None


def _serve(host: str, port: int) -> None:
    # Imported here: Django's handler reads the static files that have just been collected.
    from config.asgi import application
    from config.server import build

    server = build(application, host, port, settings.MAX_MESSAGE_BYTES, settings.HTTPS)
    try:
        server.run()
    finally:
        if settings.EMBEDDED:
            from config.embedded import EMBEDDED

            EMBEDDED.stop()
    if server.failure:
        raise CommandError(f"{server.failure} Choose another port with PORT=… .")


def _answers(url: str, seconds: float = 60) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            with urlopen(url, timeout=5):
                return True
        except (URLError, HTTPException, OSError):
            time.sleep(0.1)
    return False
