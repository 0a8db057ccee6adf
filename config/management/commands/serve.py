"""`python manage.py serve`: the web server; in the embedded shape with its worker inside."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser

from config.env import env
from config.folders import usable
from config.startup import default_model_fault, refuse_to_serve

log = logging.getLogger(__name__)
HERE = {"127.0.0.1", "0.0.0.0", "::"}
"""Loopback, and all addresses of this machine."""


class Command(BaseCommand):
    help = "Serve the site on HOST:PORT."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--host", default=env().HOST)
        parser.add_argument("--port", type=int, default=env().PORT)

    def handle(self, *args: Any, host: str, port: int, **options: Any) -> None:
        refuse_to_serve(host, port)
        if fault := default_model_fault():
            self.stderr.write(self.style.WARNING(fault))
        with usable("DATA_DIR"):
            if settings.EMBEDDED:
                _start_worker()
            call_command("collectstatic", interactive=False, verbosity=0)
        _serve(host, port, self._announce)

    def _announce(self, address: str) -> None:
        self.stdout.write(self.style.SUCCESS(f"Unmask is at {address} (Ctrl-C stops it)"))
        self.stdout.flush()


def _start_worker() -> None:
    from config.embedded import EMBEDDED
    from config.lock import Occupied

    try:
        EMBEDDED.start(wait=False)
    except Occupied as error:
        raise CommandError(str(error)) from None


def _serve(host: str, port: int, announce: Callable[[str], None]) -> None:
    """Listen until somebody stops it; `announce` hears the address once this process listens."""
    # Imported here: Django's handler reads the static files that have just been collected.
    from config.asgi import application
    from config.server import build

    server = build(application, host, port, settings.MAX_MESSAGE_BYTES, settings.HTTPS)
    server.on_listen = partial(announce, url_of(host, port) + settings.PATH_PREFIX)
    ended = True
    try:
        server.run()
    finally:
        if settings.EMBEDDED:
            ended = _stop_worker()
    failure = f"{server.failure} Choose another port with PORT=… ." if server.failure else ""
    if not ended:
        _leave(failure)
    if failure:
        raise CommandError(failure)


def _stop_worker() -> bool:
    from config.embedded import EMBEDDED

    return EMBEDDED.stop()


def _leave(failure: str) -> None:
    """End this process although tasks go on in it; whoever serves next takes their leases over.

    Threads cannot be ended, and the interpreter would wait for those of the worker's pool.
    """
    log.warning("some tasks did not end; they are left behind")
    if failure:
        log.error(failure)
    logging.shutdown()
    sys.stdout.flush()
    os._exit(1 if failure else 0)


def url_of(host: str, port: int) -> str:
    """Where a browser on this machine finds what listens on HOST and PORT."""
    name = host.strip("[]")
    if name in HERE:
        return f"http://localhost:{port}"
    return f"http://[{name}]:{port}" if ":" in name else f"http://{name}:{port}"
