"""Schemas of an OpenAPI document → TypeScript declarations.

Objects become interfaces; a field that a request may leave out, or an answer may lack, gets a
question mark. Ranges and lengths have no counterpart there: the server names what is wrong.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

Schema = dict[str, Any]
PLAIN = {
    "string": "string", "integer": "number", "number": "number", "boolean": "boolean",
    "null": "null",
}  # fmt: skip
_REF = "#/components/schemas/"


def declarations(document: Schema, prefix: str) -> Iterator[str]:
    """An interface for every schema that the routes below `prefix` take or answer, by name."""
    schemas = document["components"]["schemas"]
    for name in sorted(_reached(document, prefix, schemas)):
        yield interface(name, schemas[name])


def interface(name: str, schema: Schema) -> str:
    """One object."""
    required = schema.get("required", [])
    lines = [
        f"  {field}{'' if field in required else '?'}: {type_of(part)};"
        for field, part in schema.get("properties", {}).items()
    ]
    words = " ".join((schema.get("description") or "").split())
    head = [f"/** {words} */"] if words else []
    return "\n".join([*head, f"export interface {name} {{", *lines, "}"])


def type_of(part: Schema) -> str:
    """The type of a field."""
    if "$ref" in part:
        return str(part["$ref"]).removeprefix(_REF)
    if "const" in part or "enum" in part:
        return " | ".join(map(json.dumps, part.get("enum", [part.get("const")])))
    for several in ("anyOf", "oneOf"):
        if several in part:
            return " | ".join(dict.fromkeys(map(type_of, part[several])))
    if part.get("type") == "array":
        inner = type_of(part.get("items", {}))
        return f"({inner})[]" if " | " in inner else f"{inner}[]"
    if part.get("type") == "object":
        values = part.get("additionalProperties")
        return f"Record<string, {type_of(values) if isinstance(values, dict) else 'unknown'}>"
    return PLAIN.get(str(part.get("type")), "unknown")


def _reached(document: Schema, prefix: str, schemas: Schema) -> set[str]:
    """Names of the schemas that routes refer to, and that those refer to."""
    paths = {path: row for path, row in document["paths"].items() if path.startswith(prefix)}
    found, waiting = set[str](), set(_references(paths))
    while waiting:
        name = waiting.pop()
        found.add(name)
        waiting |= set(_references(schemas[name])) - found
    return found


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if "$ref" in value:
            yield str(value["$ref"]).removeprefix(_REF)
        for inner in value.values():
            yield from _references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _references(inner)
