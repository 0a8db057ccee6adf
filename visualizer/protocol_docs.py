"""docs/protocol.md and a machine-readable schema, made from the tables that validate.

`python manage.py protocol_docs --write docs/protocol.md --schema docs/protocol.schema.json`; a test
compares both with what is committed.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from core.commands.table import CommandSpec
from inference.errors import ERROR_TYPES
from visualizer.commands.table import COMMANDS
from visualizer.protocol_texts import EVENTS, EXTRA_MESSAGES, INTRODUCTION, REPLIES

_BOUNDS = {
    "minimum": "from {}", "maximum": "to {}", "minLength": "{} characters or more",
    "maxLength": "{} characters at most", "minItems": "{} entries or more",
    "maxItems": "{} entries at most", "minProperties": "{} entries or more",
    "maxProperties": "{} entries at most",
}  # fmt: skip


def document() -> str:
    """The protocol as Markdown."""
    parts = [INTRODUCTION, *_commands(), *_replies(), *_events(), *_errors()]
    return "\n".join(parts).strip() + "\n"


def schema() -> dict[str, Any]:
    """JSON Schema (2020-12) of every message that a client may send."""
    definitions = {name: _message_schema(spec) for name, spec in COMMANDS.items()}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Messages that a client sends over /ws",
        "oneOf": [{"$ref": f"#/$defs/{name}"} for name in definitions],
        "$defs": definitions,
    }


def schema_text() -> str:
    return json.dumps(schema(), indent=1, sort_keys=True) + "\n"


def _message_schema(spec: CommandSpec) -> dict[str, Any]:
    made = _inlined(spec.schema.model_json_schema())
    made["properties"] = {"type": {"const": spec.name}, **made["properties"]}
    made["required"] = ["type", *made.get("required", [])]
    made["title"] = spec.name
    return made


def _inlined(made: dict[str, Any]) -> dict[str, Any]:
    """Without references of its own, so that the schemas can stand side by side."""
    definitions = made.pop("$defs", {})

    def resolve(value: Any) -> Any:
        if isinstance(value, list):
            return [resolve(item) for item in value]
        if not isinstance(value, dict):
            return value
        if "$ref" in value:
            found = resolve(definitions[value["$ref"].rsplit("/", 1)[1]])
            return {**found, **{k: v for k, v in value.items() if k != "$ref"}}
        return {key: resolve(item) for key, item in value.items()}

    resolved: dict[str, Any] = resolve(made)
    return resolved


def _commands() -> Iterator[str]:
    yield "\n## Commands"
    for spec in COMMANDS.values():
        yield f"\n### `{spec.name}`\n"
        yield f"{spec.sentence} Answer: `{spec.reply}`.{_remarks(spec)}\n"
        yield from _fields(_inlined(spec.schema.model_json_schema()))


def _remarks(spec: CommandSpec) -> str:
    remarks = [
        (spec.needs_target, "Needs a session."),
        (spec.opens, "Its session becomes the socket's own."),
        (spec.reads, "Reading: holders of a link may ask it."),
        (spec.overtakes, "Answered at once, before earlier commands that still wait."),
    ]
    return "".join(f" {text}" for true, text in remarks if true)


def _fields(made: dict[str, Any]) -> Iterator[str]:
    yield "| field | type | range | default | meaning |"
    yield "| --- | --- | --- | --- | --- |"
    required = made.get("required", [])
    for name, field in made["properties"].items():
        if name in ("request_id", "session_id") and name not in required:
            continue  # every command has them; the introduction says so
        yield _row(name, field, name in required)
        nested = field.get("properties", {})
        for inner, part in nested.items():
            yield _row(f"{name}.{inner}", part, inner in field.get("required", []))


def _row(name: str, field: dict[str, Any], required: bool) -> str:
    kinds = field.get("anyOf", [field])
    types = " or ".join(dict.fromkeys(_type(kind) for kind in kinds))
    bounds = "; ".join(dict.fromkeys(text for kind in kinds for text in _bounds({**field, **kind})))
    default = "required" if required else f"`{json.dumps(field.get('default'))}`"
    if "properties" in field:
        default = "see below"
    return f"| `{name}` | {types} | {bounds} | {default} | {field.get('description', '')} |"


def _type(kind: dict[str, Any]) -> str:
    if "const" in kind:
        return f"`{kind['const']}`"
    if kind.get("type") == "array":
        return f"list of {_type(kind.get('items', {}))}"
    if "oneOf" in kind:
        return " or ".join(dict.fromkeys(map(_type, kind["oneOf"])))
    return {"integer": "whole number", "number": "number", "string": "text", "null": "null"}.get(
        str(kind.get("type")), str(kind.get("type", "any"))
    )


def _bounds(kind: dict[str, Any]) -> Iterator[str]:
    for key, words in _BOUNDS.items():
        if key in kind:
            value = kind[key]
            yield words.format(int(value) if float(value).is_integer() else value)


def _replies() -> Iterator[str]:
    yield "\n## Answers\n"
    yield "| type | what it carries |"
    yield "| --- | --- |"
    for name, text in {**REPLIES, **EXTRA_MESSAGES}.items():
        yield f"| `{name}` | {text} |"


def _events() -> Iterator[str]:
    yield "\n## Events\n"
    yield (
        'After `resume` or `open_session` the socket is sent `{"type": "event", "session_id", '
        '"number", "event", "payload"}` for each change of the session. Numbers have no gaps.\n'
    )
    yield "| event | payload |"
    yield "| --- | --- |"
    for name, text in EVENTS.items():
        yield f"| `{name}` | {text} |"


def _errors() -> Iterator[str]:
    yield "\n## Errors\n"
    yield (
        '`{"type": "error", "message", "error_type", "retryable", "correlation_id", "field"?, '
        '"request_id"?}`. The socket stays open.\n'
    )
    yield "| error_type | try again | HTTP status | meaning |"
    yield "| --- | --- | --- | --- |"
    for name, (retryable, status, meaning) in ERROR_TYPES.items():
        yield f"| `{name}` | {'yes' if retryable else 'no'} | {status} | {meaning} |"
