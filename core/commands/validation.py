"""From a plain message to a typed one, with errors that name the field."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from pydantic import ValidationError

from core.commands.field_errors import error_of
from core.commands.fields import Message
from core.commands.table import CommandSpec, CommandTable
from inference.errors import UnmaskError


def spec_of(table: CommandTable, message: dict[str, Any]) -> CommandSpec:
    """The command's row of the table. Raises UnmaskError for an unknown type."""
    name = message.get("type")
    if not isinstance(name, str):
        raise UnmaskError("validation", "type is required and must be a text.", "type")
    if name not in table:
        raise UnmaskError("validation", f"Unknown message type: {name[:64]}", "type")
    return table[name]


def validate(table: CommandTable, message: dict[str, Any]) -> tuple[CommandSpec, Message]:
    """The command's row and its typed message. Raises UnmaskError naming the first wrong field."""
    spec = spec_of(table, message)
    fields = {key: value for key, value in message.items() if key != "type"}
    try:
        return spec, spec.schema.model_validate(fields)
    except ValidationError as error:
        problems = error.errors(include_url=False, include_input=False)
        raise error_of(problems, fields) from None


@cache
def _kinds(schema: type[Message]) -> dict[str, Any]:
    """The JSON types of a schema's fields; building them takes longer than parsing a message."""
    properties: dict[str, Any] = schema.model_json_schema()["properties"]
    return properties


def from_form(table: CommandTable, fields: dict[str, Any]) -> dict[str, Any]:
    """Lax parsing: a form's texts become what the command's schema expects.

    Empty fields count as not given. What cannot be read stays as it is, so that validation
    names it. HTMX's own HEADERS field is dropped.
    """
    kinds = _kinds(spec_of(table, fields).schema)
    return {
        key: _coerced(value, kinds.get(key, {}))
        for key, value in fields.items()
        if key not in ("HEADERS", "csrfmiddlewaretoken") and value not in ("", None)
    }


_NUMBER = re.compile(r"-?(0|[1-9][0-9]{0,18})", re.ASCII)
_DECIMAL = re.compile(r"-?[0-9]{1,12}(\.[0-9]{1,12})?", re.ASCII)


def _coerced(value: Any, kind: dict[str, Any]) -> Any:
    if not isinstance(value, str):
        return value
    types = {kind.get("type")} | {part.get("type") for part in kind.get("anyOf", [])}
    if "integer" in types and _NUMBER.fullmatch(value):
        return int(value)
    if "number" in types and _DECIMAL.fullmatch(value):
        return float(value)
    if "boolean" in types and value in ("on", "true", "1", "off", "false", "0"):
        return value in ("on", "true", "1")
    return value
