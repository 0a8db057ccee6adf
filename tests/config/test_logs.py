"""Log lines are JSON, carry the correlation id, and hide what users write."""

from __future__ import annotations

import io
import json
import logging
import logging.config
from pathlib import Path
from typing import Any

import structlog
from django.test import RequestFactory

from config.logs import BACKEND, REDACTED, STRUCTURED, configure, redact
from inference.errors import UnmaskError, correlation_id, new_correlation_id


def _lines(write: Any) -> list[dict[str, Any]]:
    stream = io.StringIO()
    described = configure("INFO")["formatters"]["json"]
    options = {key: value for key, value in described.items() if key != "()"}
    handler = logging.StreamHandler(stream)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(**options))
    logger = logging.getLogger("tests.logs")
    logger.addHandler(handler)
    logger.setLevel("INFO")
    logger.propagate = False
    try:
        write()
    finally:
        logger.removeHandler(handler)
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_plain_logging_and_structlog_write_the_same_shape() -> None:
    def write() -> None:
        logging.getLogger("tests.logs").warning("plain %s", "line")
        structlog.get_logger("tests.logs").warning("bound", steps=3)

    plain, bound = _lines(write)
    assert (plain["event"], plain["level"], plain["logger"]) == (
        "plain line",
        "warning",
        "tests.logs",
    )
    assert (bound["event"], bound["steps"], bound["logger"]) == ("bound", 3, "tests.logs")


def test_the_correlation_id_is_in_every_line() -> None:
    token = correlation_id.set("")
    fresh = new_correlation_id()
    (line,) = _lines(lambda: logging.getLogger("tests.logs").warning("x"))
    correlation_id.reset(token)
    assert line["correlation_id"] == fresh


def test_what_users_write_is_hidden_at_any_depth() -> None:
    event = {
        "event": "received",
        "prompt": "my secret",
        "message": {"type": "initialize", "prompt": "my secret", "more": [{"text": "my secret"}]},
        "steps": 3,
    }
    shown = redact(None, "info", event)
    assert "my secret" not in json.dumps(shown)
    assert shown["message"]["more"][0]["text"] == REDACTED
    assert shown["steps"] == 3


def test_extra_fields_of_plain_logging_are_hidden_too() -> None:
    def write() -> None:
        logging.getLogger("tests.logs").warning("x", extra={"prompt": "my secret"})

    (line,) = _lines(write)
    assert line["prompt"] == REDACTED


def test_a_traceback_says_what_and_where_but_no_value_and_no_local() -> None:
    def write() -> None:
        try:
            words = "my secret " + "prompt"
            raise ValueError(words)
        except ValueError:
            logging.getLogger("tests.logs").exception("failed")

    (line,) = _lines(write)
    assert line["exception"][0]["exc_type"] == "ValueError"
    assert line["exception"][0]["frames"][-1]["filename"].endswith("test_logs.py")
    assert "my secret prompt" not in json.dumps(line)


def test_our_own_messages_stay_readable() -> None:
    def write() -> None:
        try:
            raise UnmaskError("model_loading", "The file is too short.")
        except UnmaskError:
            logging.getLogger("tests.logs").exception("failed")

    (line,) = _lines(write)
    assert line["exception"][0]["exc_value"] == "The file is too short."


def test_a_request_is_logged_by_its_path_alone() -> None:
    request = RequestFactory().get("/x", {"text": "my secret"})
    log = logging.getLogger("tests.logs")
    (line,) = _lines(lambda: log.warning("Not Found", extra={"request": request}))
    assert line["path"] == "/x"
    assert "secret" not in json.dumps(line)


def test_a_failed_task_is_logged_by_name_and_id() -> None:
    data = {"name": "visualizer.advance", "id": "7", "exc": "ValueError('my secret')", "args": "x"}
    log = logging.getLogger("tests.logs")
    (line,) = _lines(lambda: log.error("Task %(name)s raised %(exc)s", data, extra={"data": data}))
    assert (line["event"], line["task_id"]) == ("task visualizer.advance failed", "7")
    assert "secret" not in json.dumps(line)


def test_both_files_have_every_line_and_survive_rotation(tmp_path: Path) -> None:
    described = configure("INFO", tmp_path)
    ours = {"tests.files": {"handlers": ["structured", "backend"], "propagate": False}}
    root = {"handlers": [], "level": "WARNING"}
    logging.config.dictConfig({**described, "root": root, "loggers": ours})
    logger = logging.getLogger("tests.files")
    logger.warning("one", extra={"prompt": "my secret"})
    (tmp_path / STRUCTURED).rename(tmp_path / "structured.log.1")
    logger.warning("two")
    for handler in list(logger.handlers):
        logger.removeHandler(handler)
        handler.close()
    first = json.loads((tmp_path / "structured.log.1").read_text())
    assert (first["event"], first["prompt"]) == ("one", REDACTED)
    assert json.loads((tmp_path / STRUCTURED).read_text())["event"] == "two"
    plain = (tmp_path / BACKEND).read_text()
    assert "event='one'" in plain
    assert "event='two'" in plain
    assert "secret" not in plain
