"""Model directories on this machine, as their two small JSON files describe them.

Web-safe: imports no tensor library.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.conf import settings

from inference import adapted_models, hub_cache, model_locations, packages
from inference.causal_families import is_causal
from inference.known_models import KNOWN
from inference.model_folders import GGUF, config_of, model_slugs
from inference.model_locations import card_of
from inference.models import ModelEntry, ModelFolder


@dataclass(frozen=True)
class Found:
    """A model directory on this machine, as its files describe it."""

    slug: str
    shipped: bool
    config: dict[str, Any] = field(default_factory=dict)
    card: dict[str, Any] = field(default_factory=dict)
    missing: str | None = None  # the base, where an adapter lies here without it

    def defaults(self) -> dict[str, Any]:
        """Columns of the row; what only loading tells is left to the runtime."""
        known = KNOWN.get(self.slug)
        label, family = (known.label, known.family) if known else (self.slug, "")
        return {
            "path": self.slug,
            "label": str(self.card.get("label") or label)[:200],
            "family": family or str(self.config.get("model_type", ""))[:50],
            "kind": self.card.get("kind") or _kind(self.config),
            "context": _context(self.card, self.config),
            "mask_id": _natural(self.config.get("mask_token_id")),
            "card": self.card,
            "is_shipped": self.shipped,
        }


def scan_models() -> list[Found]:
    """What lies here; of two with one name the later one counts, those of MODELS_DIR last."""
    return [
        *_scan(model_locations.SHIPPED_DIR, True),
        *_packaged(),
        *_cached(),
        *_added(),
        *_scan(settings.MODELS_DIR, False),
    ]


def _scan(root: Path, shipped: bool) -> Iterator[Found]:
    for slug in model_slugs(root):
        config = config_of(root / slug)
        missing = adapted_models.missing_base(config, root)
        yield Found(slug, shipped, config, card_of(root / slug), missing)


def _cached() -> Iterator[Found]:
    """What strangers published: whatever its card says, it does not become the site's default."""
    for slug, path, _ in hub_cache.models(settings.HUB_CACHE):
        yield Found(slug, False, config_of(path), card_of(path) | {"default": False})


def _added() -> Iterator[Found]:
    for slug in ModelFolder.objects.values_list("slug", flat=True):
        path = model_locations.added_folder(slug)
        if path is not None:
            yield Found(slug, False, config_of(path), card_of(path))


def _packaged() -> Iterator[Found]:
    """The models of installed packages; one of the same name in MODELS_DIR comes before them."""
    for slug, model in packages.PACKAGED.items():
        if model.file() is not None:
            yield Found(slug, False, model.config, model.card)


def _kind(config: dict[str, Any]) -> str:
    causal = config is GGUF or is_causal(config)
    return ModelEntry.Kind.AUTOREGRESSIVE if causal else ModelEntry.Kind.DIFFUSION


def _context(card: dict[str, Any], config: dict[str, Any]) -> int:
    values = (card.get("context"), config.get("max_sequence_length"))
    lengths = [_natural(value) for value in (*values, config.get("max_position_embeddings"))]
    return next((length for length in lengths if length), 0)


def _natural(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None
