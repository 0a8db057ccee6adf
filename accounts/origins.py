"""Which pages may open a socket: those of this site, judged by scheme, host and port."""

from __future__ import annotations

from urllib.parse import urlsplit

from django.conf import settings
from django.http.request import split_domain_port, validate_host

Origin = tuple[str, str, int]
PORTS = {"http": 80, "https": 443}


def origin_problem(origin: str | None, host: str, by_cookie: bool = False) -> str:
    """Why a socket with this Origin and Host header may not open, and what to set; "" = it may.

    Programs send no Origin and no cookie of anybody (`by_cookie`), so they pass. Channels' own
    validator compares host names only, which lets every other port of the same machine in.
    """
    if not validate_host(split_domain_port(host)[0], settings.ALLOWED_HOSTS):
        return "the Host header is not in ALLOWED_HOSTS"
    if origin is None:
        return "a cookie without an Origin header: programs send a token" if by_cookie else ""
    return "" if _is_ours(parse(origin), host) else _advice(parse(origin), host)


def _is_ours(asked: Origin | None, host: str) -> bool:
    scheme = "https" if settings.HTTPS else "http"
    ours = {parse(f"{scheme}://{host}"), *map(parse, settings.CSRF_TRUSTED_ORIGINS)}
    return asked is not None and asked in ours


def _advice(asked: Origin | None, host: str) -> str:
    """Behind a proxy one of two settings is easily forgotten; a stranger learns no more."""
    if asked is not None and asked == parse(f"https://{host}"):
        return "the page came by https and HTTPS=1 is not set"
    return "the page's Origin is neither the Host nor in TRUSTED_ORIGINS"


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
