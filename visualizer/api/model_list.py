"""The models that the service offers, and the one that an account works with."""

from __future__ import annotations

from typing import Any

from django.db.models import Q

from accounts.models import Profile
from inference import registry
from inference.catalog import RECIPES
from inference.errors import UnmaskError
from inference.models import ModelEntry
from inference.remote_backends import diffuses
from visualizer.api.answers import ModelAnswer

CURRENT = "model"
"""Key of the account's settings that holds the slug."""
Kind, State = ModelEntry.Kind, ModelEntry.State
DIFFUSES = Q(kind=Kind.DIFFUSION) | Q(kind=Kind.REMOTE, card__remote__diffuses=True)
"""Models here, and those of another Unmask, which tells of their canvas."""


def offered(user: Any) -> list[ModelEntry]:
    """All diffusion models of the list, those without files among them."""
    return list(ModelEntry.visible_to(user).filter(DIFFUSES))


def named(id: str, user: Any) -> ModelEntry:
    """The diffusion model with this id. Raises UnmaskError (not_found)."""
    rows = ModelEntry.visible_to(user).filter(DIFFUSES, slug=id)
    found = rows.first() if "\0" not in id else None
    if found is None:
        raise UnmaskError("not_found", "There is no such model. See /api/diffusion/models.", "id")
    return found


def usable(id: str | None, user: Any) -> ModelEntry:
    """The model of a request, else the account's own, else the site's default one.

    Raises UnmaskError: validation for a model of another kind, not_found for one that is unknown,
    model_unavailable for one whose files are not here.
    """
    if id is not None:
        found = registry.resolve(id, user)
        if found.kind != Kind.DIFFUSION and not diffuses(found):
            raise UnmaskError("validation", "This is no diffusion model. Use /v1.", "model")
        return found
    return current(user)


def current(user: Any) -> ModelEntry:
    """The model that the account loaded last, if its files are here; else the default one."""
    profile = Profile.objects.filter(user=user).first()
    chosen = profile.settings.get(CURRENT) if profile else None
    if not isinstance(chosen, str):
        return registry.default_model()
    rows = ModelEntry.visible_to(user).filter(DIFFUSES, slug=chosen)
    return rows.exclude(state=State.ABSENT).first() or registry.default_model()


def choose(user: Any, entry: ModelEntry) -> None:
    """Make a model the account's own."""
    profile = Profile.objects.get(user=user)
    profile.settings |= {CURRENT: entry.slug}
    profile.save(update_fields=["settings"])


def answer(entry: ModelEntry, current: ModelEntry | None) -> ModelAnswer:
    """A row as the API tells it."""
    recipe = entry.card.get("decoding", {}).get("recipe")
    row = RECIPES.get(recipe)
    return ModelAnswer(
        id=entry.slug,
        label=entry.label,
        family=entry.family,
        kind=entry.kind,
        state=entry.state,
        loaded=entry.state == State.LOADED,
        current=current is not None and entry.pk == current.pk,
        progress=entry.progress,
        device=entry.device,
        context=entry.context,
        parameters=entry.parameters,
        bytes=entry.bytes_total,
        trained_on=str(entry.card.get("trained_on", "")),
        recipe=recipe,
        finds_lengths="edits" in row.needs if row else None,
        error=entry.error,
    )


def answer_for(user: Any, entry: ModelEntry) -> ModelAnswer:
    entry.refresh_from_db()
    return answer(entry, current(user))


def listing(user: Any) -> list[ModelAnswer]:
    own = _current_or_none(user)
    return [answer(entry, own) for entry in offered(user)]


def _current_or_none(user: Any) -> ModelEntry | None:
    try:
        return current(user)
    except UnmaskError:
        return None
