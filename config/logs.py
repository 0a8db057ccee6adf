"""Log lines: one JSON object each, with the correlation id, without what users write."""

from __future__ import annotations

import re
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

import structlog
from structlog.tracebacks import ExceptionDictTransformer
from structlog.typing import Processor

from inference.errors import correlation_id

SECRET = frozenset(
    ("prompt", "prefix", "suffix", "text", "message_text", "messages", "pieces", "content", "stop",
     "password", "token", "authorization", "cookie")
)  # fmt: skip
REDACTED = "[redacted]"
_LINK = re.compile(r"(\br/|r%2F)[A-Za-z0-9_-]{16,}")
HARMLESS = frozenset(
    ("UnmaskError", "CheckpointError", "LoadCancelled", "AttributeError", "ImportError",
     "ModuleNotFoundError", "NameError", "OperationalError", "InterfaceError", "OSError",
     "ConnectionError", "ConnectionRefusedError", "ConnectionResetError", "TimeoutError",
     "FileNotFoundError", "PermissionError", "Occupied", "OutOfMemoryError")
)  # fmt: skip
"""Exceptions whose messages tell of code, machines and files, never of what somebody wrote."""
DEPTH = 6
Event = MutableMapping[str, Any]


def redact(logger: Any, method: str, event: Event) -> Event:
    """Replace the values of secret keys, nested ones included."""
    return {key: _redacted(key, value, DEPTH) for key, value in event.items()}


def add_correlation_id(logger: Any, method: str, event: Event) -> Event:
    current = correlation_id.get()
    if current:
        event.setdefault("correlation_id", current)
    return event


def drop_formatted(logger: Any, method: str, event: Event) -> Event:
    """What another handler has left on the record is the same text again, not cleaned."""
    event.pop("message", None)
    event.pop("asctime", None)
    return event


def name_path(logger: Any, method: str, event: Event) -> Event:
    """Django adds the request itself, whose text has the query in it; the path is enough."""
    request = event.pop("request", None)
    if request is not None:
        event["path"] = getattr(request, "path", "")
    return event


def name_task(logger: Any, method: str, event: Event) -> Event:
    """Celery writes arguments, exception and traceback into its text; name and id are enough."""
    data = event.pop("data", None)
    if isinstance(data, dict) and "exc" in data:
        event["event"] = f"task {data.get('name')} failed"
        event["task_id"] = data.get("id")
    return event


def hide_values(logger: Any, method: str, event: Event) -> Event:
    """Say what was raised and where; the message only where it cannot hold a user's text."""
    for part in event.get("exception") or ():
        if part["exc_type"] not in HARMLESS:
            part["exc_value"] = REDACTED
    return event


def hide_links(logger: Any, method: str, line: str) -> str:
    """The written line without tokens of shared sessions, which stand in addresses."""
    return _LINK.sub(rf"\1{REDACTED}", line)


def _redacted(key: Any, value: Any, depth: int) -> Any:
    if key in SECRET:
        return REDACTED
    if depth == 0:
        return value
    if isinstance(value, dict):
        return {inner: _redacted(inner, item, depth - 1) for inner, item in value.items()}
    if isinstance(value, list | tuple):
        return [_redacted(None, item, depth - 1) for item in value]
    return value


SHARED: list[Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    add_correlation_id,
    redact,
]
FOREIGN: list[Processor] = [
    structlog.stdlib.ExtraAdder(),
    drop_formatted,
    name_path,
    name_task,
    *SHARED,
]
"""For lines of plain logging: Django's, Celery's and those of the inference layer."""


STRUCTURED, BACKEND = "structured.log", "backend.log"
"""Files in LOG_DIR: JSON lines, and the same lines as plain text."""


def configure(level: str, folder: Path | None = None) -> dict[str, Any]:
    """Set structlog up and return Django's LOGGING, so that both write the same lines.

    `folder`: where the two files are written besides stderr; it is there already. Whoever rotates
    the files may move them.
    """
    structlog.configure(
        processors=[*SHARED, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handlers = {"stderr": {"class": "logging.StreamHandler", "formatter": "json"}}
    if folder is not None:
        files = (("structured", STRUCTURED, "json"), ("backend", BACKEND, "plain"))
        handlers |= {name: _file(folder / file, form) for name, file, form in files}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"json": _formatter(_JSON), "plain": _formatter(_PLAIN)},
        "handlers": handlers,
        "root": {"handlers": list(handlers), "level": level},
        "loggers": {
            # Their INFO tells of every request and every task.
            "celery": {"level": "WARNING" if level == "INFO" else level},
            "daphne": {"level": "WARNING" if level == "INFO" else level},
            # Addresses of transfers carry signatures.
            "httpx2": {"level": "WARNING"},
            "httpcore2": {"level": "WARNING"},
        },
    }


_JSON = structlog.processors.JSONRenderer(default=str)
_PLAIN = structlog.processors.KeyValueRenderer(
    key_order=["timestamp", "level", "logger", "event"], drop_missing=True
)


def _file(path: Path, formatter: str) -> dict[str, Any]:
    """Opened with the first line, and anew when it has been moved away."""
    return {
        "class": "logging.handlers.WatchedFileHandler",
        "filename": str(path),
        "encoding": "utf-8",
        "delay": True,
        "formatter": formatter,
    }


def _formatter(renderer: Processor) -> dict[str, Any]:
    return {
        "()": structlog.stdlib.ProcessorFormatter,
        "foreign_pre_chain": FOREIGN,
        "processors": [
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            # Never with local variables: they hold prompts.
            structlog.processors.ExceptionRenderer(ExceptionDictTransformer(show_locals=False)),
            hide_values,
            renderer,
            hide_links,
        ],
    }
