"""The README's table of settings, made from the class that reads them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from config.env import BASE_DIR, Env

BEGIN, END = "<!-- settings -->", "<!-- /settings -->"


def table() -> str:
    """Markdown, one row per variable."""
    rows = [
        f"| `{name}` | {_default(field)} | {field.description} |"
        for name, field in Env.model_fields.items()
    ]
    return "\n".join(["| variable | default | meaning |", "| --- | --- | --- |", *rows])


def written_into(text: str) -> str:
    """The text with what stands between the two marks replaced by the table."""
    head, begin, rest = text.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the file has no {BEGIN} … {END}")
    return f"{head}{BEGIN}\n{table()}\n{END}{tail}"


def _default(field: FieldInfo) -> str:
    value: Any = field.default
    if isinstance(value, SecretStr):
        value = value.get_secret_value()
    if isinstance(value, Path):
        value = value.relative_to(BASE_DIR)
    if isinstance(value, bool):
        value = int(value)
    return "" if value in (None, "", []) and not isinstance(value, int) else f"`{value}`"
