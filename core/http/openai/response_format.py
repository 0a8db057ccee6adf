"""`response_format`: an answer that is any text, a JSON object, or as a schema says."""

from __future__ import annotations

import json
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from inference.catalog import PARAMETERS
from inference.errors import UnmaskError

_PLAIN: list[dict[str, Any]] = [{"type": name} for name in ("string", "number", "boolean", "null")]
_PLAIN_OBJECT = {"type": "object", "additionalProperties": {"anyOf": _PLAIN}}
_PLAIN_LIST = {"type": "array", "items": {"anyOf": _PLAIN}}
ANY_OBJECT = {
    "type": "object",
    "additionalProperties": {"anyOf": [*_PLAIN, _PLAIN_LIST, _PLAIN_OBJECT]},
}
"""An object of plain values, and of lists and objects of these. An object of whatever depth takes
more states than vocabularies of 50 000 tokens have room for (`inference.engine.grammar`)."""


class _Format(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class JsonSchema(_Format):
    """OpenAI's wrapper of a schema; its name and description change nothing here."""

    name: str = Field(min_length=1, max_length=64)
    description: str | None = Field(None, max_length=1000)
    schema_: dict[str, Any] = Field(alias="schema", max_length=200)
    strict: bool | None = None


class ResponseFormat(_Format):
    """What the answer as a whole must be."""

    type: Literal["text", "json_object", "json_schema"]
    json_schema: JsonSchema | None = None

    def parameters(self) -> dict[str, str]:
        """The recipes' parameters that ask for it. Raises UnmaskError (validation)."""
        if (self.type == "json_schema") != (self.json_schema is not None):
            words = "Give json_schema with the type json_schema, and with no other."
            raise UnmaskError("validation", words, "response_format")
        if self.type == "text":
            return {}
        schema = self.json_schema.schema_ if self.json_schema else ANY_OBJECT
        written = json.dumps(schema)
        if len(written) > PARAMETERS["json_schema"].high:
            raise UnmaskError("validation", "The schema is too long.", "response_format")
        return {"json_schema": written}
