"""Which pages may open a socket: those of this site, judged by scheme, host and port."""

from __future__ import annotations

from urllib.parse import urlsplit

from django.conf import settings
from django.http.request import split_domain_port, validate_host

Origin = tuple[str, str, int]
PORTS = {"http": 80, "https": 443}


def is_allowed(origin: str | None, host: str) -> bool:
    """Whether a socket with this Origin and Host header may open.

    Programs send no Origin and carry no cookie of anybody, so they pass. Channels' own validator
    compares host names only, which lets every other port of the same machine in.
    """
    if not validate_host(split_domain_port(host)[0], settings.ALLOWED_HOSTS):
        return False
    if origin is None:
        return True
    asked = parse(origin)
    scheme = "https" if settings.HTTPS else "http"
    ours = {parse(f"{scheme}://{host}"), *map(parse, settings.CSRF_TRUSTED_ORIGINS)}
    return asked is not None and asked in ours


def parse(origin: str) -> Origin | None:
    """Scheme, host and port of an origin; None for `null` and for anything malformed."""
    try:
        parts = urlsplit(origin.lower())
        port = parts.port or PORTS.get(parts.scheme)
    except ValueError:
        return None
    plain = f"{parts.scheme}://{parts.netloc}" == origin.lower() and "@" not in parts.netloc
    if not plain or not parts.hostname or port is None:
        return None
    return parts.scheme, parts.hostname, port
