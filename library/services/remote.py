"""Generations that a server elsewhere answers: what doors start, find and stop."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import MISSING, fields
from typing import Any

from core import generation as seam
from core.generation.stored import StoredGenerator
from inference.errors import UnmaskError
from inference.events import publish
from inference.models import ModelEntry
from inference.remote_backends import backend_of, diffuses
from library.models import RemoteGeneration

USUAL = {field.name: field.default for field in fields(seam.Settings)}
"""What each setting is where nothing was asked for."""


class RemoteGenerator(StoredGenerator[RemoteGeneration]):
    """A generation is a row that keeps what the server told, as it comes."""

    rows = RemoteGeneration
    kind = ModelEntry.Kind.REMOTE
    saved = ("usage", "tokens")

    def check(self, model: ModelEntry, prompt: seam.Prompt, settings: seam.Settings) -> None:
        """What its server cannot do is refused."""
        check(model, prompt, settings)

    def usage_of(self, row: RemoteGeneration) -> dict[str, Any]:
        """As the server counted; nothing where it did not."""
        return dict(row.usage)

    def logprobs(
        self, *, user: Any, id: Any, top: int, at: seam.At, first: int
    ) -> list[seam.TokenLogprob]:
        """As the server told them; none before the end. Raises UnmaskError where it tells none."""
        row = self.owned(user, id)
        if not row.tokens and not backend_of(row.model).about.logprobs:
            raise UnmaskError(
                "validation", f"{row.model.label} tells no log-probabilities.", "logprobs"
            )
        return [
            seam.TokenLogprob(text, logprob, tuple((str(t), p) for t, p in found[:top]))
            for text, logprob, found in row.tokens[first:]
        ]


GENERATOR = RemoteGenerator()


def check(model: ModelEntry, prompt: seam.Prompt, settings: seam.Settings) -> None:
    """What a server does not know is refused by name, never dropped. Raises UnmaskError."""
    backend = backend_of(model)
    if prompt.pieces and not diffuses(model):
        raise UnmaskError("validation", f"{model.label} cannot fill gaps.", "prompt")
    if prompt.ids and not prompt.text and diffuses(model):
        raise UnmaskError("validation", f"{model.label} reads texts, not ids of tokens.", "prompt")
    if prompt.special_tokens and not diffuses(model):
        raise UnmaskError(
            "validation", f"{model.label} reads special tokens as its server does.", "prompt"
        )
    for name in given(settings):
        if name not in backend.about.settings:
            raise UnmaskError("validation", f"{backend.about.label} servers take no {name}.", name)


def given(settings: seam.Settings) -> dict[str, Any]:
    """The settings that were asked for."""
    values = {name: getattr(settings, name) for name in USUAL}
    return {
        name: value
        for name, value in values.items()
        if value != USUAL[name] and not (USUAL[name] is MISSING and not value)
    }


def tell(*, row: RemoteGeneration, text: str, drafts: Sequence[dict[str, Any]]) -> None:
    """Inside a fenced transaction: what came since, the text before the states that it is in."""
    if text:
        publish(row.stream_id, "text", {"text": text, "offset": len(row.text)})
        row.text += text
        row.save(update_fields=["text", "updated"])
    for draft in drafts:
        publish(row.stream_id, "draft", draft)


def store_listing(backend: Any, listed: Sequence[dict[str, Any]]) -> None:
    """Rows of the models that a server lists; others of its name are gone.

    Each has `id`, and where the server says so `context` and `diffuses`.
    """
    here = {backend.slug(one["id"]): one for one in listed}
    for slug, one in here.items():
        about = {"backend": backend.name, "kind": backend.kind, "diffuses": one["diffuses"]}
        columns = {
            "label": f"{one['id']} ({backend.name})",
            "path": one["id"],
            "family": backend.kind,
            "kind": ModelEntry.Kind.REMOTE,
            "state": ModelEntry.State.AVAILABLE,
            "context": one["context"],
            "error": "",
            "card": {"remote": about},
        }
        ModelEntry.objects.update_or_create(slug=slug, defaults=columns)
    gone = _rows_of(backend).exclude(slug__in=here)
    gone.update(state=ModelEntry.State.ABSENT)


def store_failure(backend: Any, message: str) -> None:
    """A server that did not answer: its models say so, and may be asked all the same."""
    rows = _rows_of(backend).exclude(state=ModelEntry.State.ABSENT)
    rows.update(state=ModelEntry.State.FAILED, error=message[:500])


def forget_undeclared(names: Sequence[str]) -> None:
    """Models of servers that are declared no longer."""
    rows = ModelEntry.objects.filter(kind=ModelEntry.Kind.REMOTE)
    for name in names:
        rows = rows.exclude(slug__startswith=f"{name}:")
    rows.update(state=ModelEntry.State.ABSENT)


def _rows_of(backend: Any) -> Any:
    rows = ModelEntry.objects.filter(kind=ModelEntry.Kind.REMOTE)
    return rows.filter(slug__startswith=backend.slug(""))
