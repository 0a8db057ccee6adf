"""Model directories as people name them on the command line."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from django.conf import settings
from django.core.management.base import CommandError

from inference import packages
from inference.model_locations import SHIPPED_DIR, card_of

if TYPE_CHECKING:
    from inference.engine.checkpoint import LoadedModel
    from inference.engine.tokenization import Tokenizer


def model_directory(path: Path) -> Path:
    """The directory itself, or the shipped model of that name where there is no such directory."""
    return path if path.exists() or len(path.parts) > 1 else SHIPPED_DIR / path


def parent_path(name: str) -> Path:
    """Where a model to adapt lies: in a package, or in MODELS_DIR.

    Raises CommandError naming what brings a packaged model that is not here.
    """
    packaged = packages.PACKAGED.get(name)
    path = packages.path_of(name) or settings.MODELS_DIR / name
    if path.exists():
        return Path(path)
    hint = f" `{packaged.command}` brings it." if packaged is not None else ""
    raise CommandError(f"{name} is neither in a package nor in MODELS_DIR.{hint}")


def load_text_model(directory: Path) -> tuple[LoadedModel, Tokenizer]:
    """The model as a worker would load it, and what turns words into its tokens.

    Raises EngineError, for a directory without a tokenizer too.
    """
    from inference.runtime.load_options import options_for

    model = options_for(card_of(directory)).load(directory, needs_tokenizer=True)
    assert model.tokenizer is not None
    return model, model.tokenizer
