"""From the fields of a plain form to the messages of the command table."""

from __future__ import annotations

from typing import Any

from django.http import QueryDict

from core.commands.validation import from_form
from playground.commands import COMMANDS
from playground.commands.schemas import ChatSettings

SETTINGS = tuple(ChatSettings.model_fields)
_NUMBERS = dict.fromkeys(("temperature", "top_p"), float) | dict.fromkeys(
    ("max_new_tokens", "top_k", "seed", "tokens_per_step", "block_length"), int
)


def message_of(name: str, form: QueryDict, **more: Any) -> dict[str, Any]:
    """The command of a form. What cannot be read stays as it is, so that validation names it."""
    fields = COMMANDS[name].schema.model_fields
    given = {key: form.get(key, "") for key in fields if key in form and key != "settings"}
    message = from_form(COMMANDS, {"type": name, **given, **more})
    cleared = {key: "" for key in ("folder", "system_prompt") if given.get(key) == ""}
    if "settings" in fields and any(key in form for key in SETTINGS):
        message["settings"] = settings_of(form)
    return message | (cleared if name == "change" else {})


def settings_of(form: QueryDict) -> dict[str, Any]:
    """The given ones of the settings' fields."""
    given = {name: form.get(name, "").strip() for name in SETTINGS}
    return {name: _read(name, text) for name, text in given.items() if text}


def _read(name: str, text: str) -> Any:
    convert = _NUMBERS.get(name)
    if convert is None:
        return text
    try:
        return convert(text)
    except (ValueError, OverflowError):
        return text
