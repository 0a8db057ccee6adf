"""Proxies in front of a site: nginx with the block of docs/nginx.conf, and one as developers use.

A development server (Vite, webpack) passes `/api` and `/ws` on and writes the target's own name
into Host (`changeOrigin`), while the page's Origin stays that of the development server.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.servers import ROOT, free_port, lacking, listens, wait_for

BLOCK = ROOT / "docs" / "nginx.conf"
PIECE = 65536


@contextmanager
def nginx(upstream: int, path: str = "", cut: bool = False) -> Iterator[int]:
    """The port of an nginx in front of a port.

    `path`: where the site begins on it, with nothing else around; `cut`: what is asked of the port
    begins behind it.
    """
    program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if program is None:
        lacking("nginx")
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="unmask-nginx-") as folder:
        config = Path(folder) / "nginx.conf"
        config.write_text(_config(Path(folder), port, f"127.0.0.1:{upstream}", path, cut))
        command = [str(program), "-p", folder, "-c", str(config), "-e", f"{folder}/error.log"]
        process = subprocess.Popen(command)
        try:
            wait_for(lambda: listens(port), "nginx", 20)
            yield port
        finally:
            process.terminate()
            process.wait(10)


def _config(folder: Path, port: int, upstream: str, path: str, cut: bool) -> str:
    block = BLOCK.read_text().replace("127.0.0.1:8080", f"127.0.0.1:{port}")
    block = block.replace("location / {", f"location {path}/ {{")
    block = block.replace("127.0.0.1:8000", upstream + "/" * cut)
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    places = "\n".join(f"{kind}_temp_path {folder}/{kind};" for kind in kinds)
    user = "user root;" if os.getuid() == 0 else ""
    return (
        f"{user}\ndaemon off;\nworker_processes 1;\npid {folder}/pid;\n"
        f"events {{ worker_connections 256; }}\n"
        f"http {{\naccess_log off;\n{places}\n{block}\n}}\n"
    )


@contextmanager
def development_proxy(upstream: int) -> Iterator[int]:
    """The port of a proxy that rewrites Host and passes everything else on as it comes."""
    server = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=_accept, args=(server, upstream), daemon=True).start()
    try:
        yield int(server.getsockname()[1])
    finally:
        server.shutdown(socket.SHUT_RDWR)
        server.close()


def _accept(server: socket.socket, upstream: int) -> None:
    with suppress(OSError):
        while True:
            client, _ = server.accept()
            threading.Thread(target=_serve, args=(client, upstream), daemon=True).start()


def _serve(client: socket.socket, upstream: int) -> None:
    """One request for each connection, or a socket after its upgrade."""
    with client, suppress(OSError), socket.create_connection(("127.0.0.1", upstream)) as target:
        head = b""
        while b"\r\n\r\n" not in head:
            head += client.recv(PIECE)
        head = re.sub(rb"(?im)^host:.*$", b"Host: 127.0.0.1:%d\r" % upstream, head, count=1)
        target.sendall(head)
        threading.Thread(target=_pour, args=(client, target), daemon=True).start()
        _pour(target, client)


def _pour(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while piece := source.recv(PIECE):
            sink.sendall(piece)
        sink.shutdown(socket.SHUT_WR)
