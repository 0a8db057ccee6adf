"""One choice by name: label, dotted path of the thing, one sentence for people."""

from __future__ import annotations

from importlib import import_module
from typing import Any, NamedTuple, Protocol


class Entry(NamedTuple):
    """One choice: a label in plain words, where the thing lives, and a sentence about it."""

    label: str
    path: str
    sentence: str


class HasPath(Protocol):
    """Whatever names a thing by its dotted path."""

    @property
    def path(self) -> str: ...


def resolve(entry: HasPath) -> Any:
    """The object that an entry names; imports its module."""
    module, _, name = entry.path.rpartition(".")
    return getattr(import_module(module), name)
