"""From a JSON schema to values that it forbids: each field is wrong in every way that there is.

What a schema says is read off it, so that a new field has its cases at once: other types, null,
numbers beyond their range, texts too short, too long and not of the form, lists with too many
entries, unknown and missing keys, and all of that again inside of lists and objects.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

CANARY = "canary-7f3a"
HUGE = 10**30
LONG_TEXT = 1_000_000
"""Characters of a text whose schema names no most: somebody has to refuse it all the same."""
MANY = 20_000
HALF, NUL = "half of a surrogate pair", "a NUL character"
_OTHER_TYPES: dict[str, Any] = {
    "string": CANARY,
    "integer": 7,
    "number": 1.5,
    "boolean": True,
    "array": [[CANARY]],
    "object": {CANARY: CANARY},
    "null": None,
}
_MISSING: Any = object()
Schema = Mapping[str, Any]
Place = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Bad:
    """A wrong value: the place that is at fault, why, and the whole body with it."""

    place: Place
    why: str
    body: Any

    @property
    def unreadable(self) -> bool:
        """Whether the body is none at all, so that no field of it can be named."""
        return self.why in (HALF, NUL)


class BadValues:
    """Wrong values for the schemas of one document. `names`: the schemas it refers to."""

    def __init__(self, names: Schema) -> None:
        self.names = names

    def of(self, schema: Schema, good: Any = _MISSING) -> Iterator[Bad]:
        """Around a good value, which differs in one place each time."""
        variants = self.variants(schema)
        yield from self._other_types(variants)
        for variant in self._meant(variants, good):
            base = good if good is not _MISSING and _fits(variant, good) else self.sample(variant)
            others = [one for one in variants if one is not variant]
            for kind in _kinds(variant):
                for bad in _BY_KIND.get(kind, _nothing)(self, variant, base):
                    if not any(self._lists(one, bad.body) for one in others):
                        yield bad

    def variants(self, schema: Schema) -> list[Schema]:
        """The alternatives of a schema, with what they refer to in their place."""
        while "$ref" in schema:
            schema = self.names[schema["$ref"].rsplit("/", 1)[1]]
        inner = schema.get("anyOf") or schema.get("oneOf") or schema.get("allOf")
        return [one for part in inner for one in self.variants(part)] if inner else [schema]

    def sample(self, schema: Schema) -> Any:
        """A small value as the schema wants it."""
        chosen = self.variants(schema)[0]
        if "const" in chosen or "enum" in chosen:
            return chosen.get("const", chosen.get("enum", [None])[0])
        kind = _kinds(chosen)[0]
        if kind == "object":
            return self._sample_object(chosen)
        if kind == "array":
            return [self.sample(chosen.get("items", {}))] * max(1, chosen.get("minItems", 1))
        return {"string": "a", "boolean": False, "null": None}.get(kind, chosen.get("minimum", 1))

    def _sample_object(self, schema: Schema) -> dict[str, Any]:
        required = schema.get("required", ())
        return {name: self.sample(schema["properties"][name]) for name in required}

    def _lists(self, schema: Schema, body: Any) -> bool:
        """Whether a list, which one kind of lists does not take, is of this other kind."""
        if _kinds(schema) != ["array"] or not isinstance(body, list) or not body:
            return False
        parts = self.variants(schema.get("items", {}))
        return all(any(_fits(part, entry) for part in parts) for entry in body)

    def _meant(self, variants: list[Schema], good: Any) -> list[Schema]:
        """Of several kinds of objects the one that the good value is."""
        if not isinstance(good, dict):
            return variants
        return [one for one in variants if _kinds(one) != ["object"] or _fits(one, good)]

    def _other_types(self, variants: list[Schema]) -> Iterator[Bad]:
        taken = {kind for one in variants for kind in _kinds(one)}
        if "number" in taken:
            taken.add("integer")
        for kind, value in _OTHER_TYPES.items():
            if kind not in taken:
                yield Bad((), f"{kind} instead of {'/'.join(sorted(taken))}", value)

    def _number(self, schema: Schema, good: Any) -> Iterator[Bad]:
        step = 1 if _kinds(schema) == ["integer"] else 1e-6
        for key, sign in (("minimum", -1), ("maximum", 1)):
            if key in schema:
                yield Bad((), f"beyond {key}", schema[key] + sign * step)
        for key in ("exclusiveMinimum", "exclusiveMaximum"):
            if key in schema:
                yield Bad((), key, schema[key])
        yield Bad((), "huge", HUGE)
        yield Bad((), "huge and negative", -HUGE)

    def _string(self, schema: Schema, good: Any) -> Iterator[Bad]:
        pattern = schema.get("pattern")
        if {"enum", "const"} & set(schema) or (pattern and not re.search(pattern, CANARY)):
            yield Bad((), "no such", CANARY)
        if schema.get("minLength", 0) > 0:
            yield Bad((), "empty", "")
        most = schema.get("maxLength", LONG_TEXT - 1)
        yield Bad((), "too long", (CANARY * (most // len(CANARY) + 1))[: most + 1])
        yield Bad((), HALF, f"{CANARY}\ud800")
        yield Bad((), NUL, f"{CANARY}\0")

    def _array(self, schema: Schema, good: Any) -> Iterator[Bad]:
        if schema.get("minItems", 0) > 0:
            yield Bad((), "no entries", [])
        most = schema.get("maxItems", MANY)
        yield Bad((), "too many entries", (list(good) * (most + 1))[: most + 1])
        shared = schema.get("items", {})
        for number, one in enumerate(good):
            if one in good[:number]:
                continue  # tried already
            parts = schema.get("prefixItems", ())
            for bad in self.of(parts[number] if number < len(parts) else shared, one):
                body = [*good[:number], bad.body, *good[number + 1 :]]
                yield Bad((number, *bad.place), bad.why, body)

    def _object(self, schema: Schema, good: Any) -> Iterator[Bad]:
        if schema.get("additionalProperties") is False:
            yield Bad(("surprise",), "unknown", {**good, "surprise": CANARY})
        if "maxProperties" in schema:
            most = schema["maxProperties"]
            open_ = schema.get("additionalProperties")
            one = self.sample(open_) if isinstance(open_, dict) else 1
            yield Bad((), "too many keys", {f"k{n}": one for n in range(most + 1)})
        for name in schema.get("required", ()):
            rest = {key: value for key, value in good.items() if key != name}
            yield Bad((name,), "missing", rest)
        for name, part in schema.get("properties", {}).items():
            for bad in self.of(part, good.get(name, _MISSING)):
                yield Bad((name, *bad.place), bad.why, {**good, name: bad.body})


def _nothing(values: BadValues, schema: Schema, good: Any) -> Iterator[Bad]:
    yield from ()


_BY_KIND = {
    "integer": BadValues._number,
    "number": BadValues._number,
    "string": BadValues._string,
    "array": BadValues._array,
    "object": BadValues._object,
}


def _kinds(schema: Schema) -> list[str]:
    """The JSON types that a schema takes; a constant has the type of its value."""
    named = schema.get("type")
    if named is None and "const" in schema:
        return [next(kind for kind, of in _PYTHON.items() if isinstance(schema["const"], of))]
    return [named] if isinstance(named, str) else list(named or _OTHER_TYPES)


_PYTHON: dict[str, type | tuple[type, ...]] = {
    "boolean": bool,
    "integer": int,
    "number": (int, float),
    "string": str,
    "array": (list, tuple),
    "object": dict,
    "null": type(None),
}


def _fits(schema: Schema, value: Any) -> bool:
    """Whether a value is of the schema's type, and of the kind that its constants name."""
    if not any(isinstance(value, _PYTHON[kind]) for kind in _kinds(schema)):
        return False
    if not isinstance(value, dict):
        return True
    parts = schema.get("properties", {})
    constants = {name: part["const"] for name, part in parts.items() if "const" in part}
    return all(value.get(name) == wanted for name, wanted in constants.items())
