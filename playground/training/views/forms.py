"""From the fields of a plain form to the messages of the command table."""

from __future__ import annotations

from typing import Any

from django.http import QueryDict

from core.commands.validation import from_form
from playground.training.commands import COMMANDS
from playground.training.commands.schemas import SizeSettings

SIZES = tuple(SizeSettings.model_fields)
OWN = "text:"
"""Before the id of a text of one's own, where the form offers it beside the library."""


def message_of(name: str, form: QueryDict, **more: Any) -> dict[str, Any]:
    """The command of a form. What cannot be read stays as it is, so that validation names it."""
    fields = COMMANDS[name].schema.model_fields
    given = {key: form.get(key, "") for key in fields if key in form and key != "sizes"}
    if name == "train":
        given |= _corpus(given.pop("corpus", ""))
    message = from_form(COMMANDS, {"type": name, **given, **more})
    typed = {key: str(form.get(key, "")).strip() for key in SIZES}
    sizes = {key: _read(text) for key, text in typed.items() if text}
    return message | ({"sizes": sizes} if name == "train" and sizes else {})


def _corpus(chosen: str) -> dict[str, str]:
    """One list offers the library and the texts of the account."""
    if chosen.startswith(OWN):
        return {"text_id": chosen.removeprefix(OWN)}
    return {"corpus": chosen}


def _read(text: str) -> Any:
    for convert in (int, float):
        try:
            return convert(text)
        except (ValueError, OverflowError):
            continue
    return text
