"""A folder of recorded runs: models, logits, cases and tables, in the format of its README."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from safetensors.torch import load_file
from torch import Tensor

from inference.engine.checkpoint import LoadedModel, load

SPECIAL = {"eos_id": "eos_id", "eos_inf_id": "eos_id", "eot_id": "eot_id"}
SPECIAL |= {"mask_id": "mask_id", "expand_id": "expand_id", "delete_id": "delete_id"}


@dataclass
class Folder:
    """The folder with its models loaded once each."""

    root: Path
    models: dict[str, LoadedModel] = field(default_factory=dict)

    def read(self, path: str) -> dict[str, Any]:
        """A JSON file of the folder."""
        value: dict[str, Any] = json.loads((self.root / path).read_text())
        return value

    def tensors(self, path: str) -> dict[str, Tensor]:
        """A safetensors file of the folder."""
        return dict(load_file(self.root / path))

    def model(self, path: str) -> LoadedModel:
        """A model of the folder, float32 on the CPU."""
        if path not in self.models:
            self.models[path] = load(self.root / path, dtype="float32")
        return self.models[path]

    def model_for(self, case: dict[str, Any]) -> LoadedModel:
        """The case's model with the special ids that the case gives."""
        model = self.model(case["model"])
        ids = {SPECIAL[name]: value for name, value in case.get("special", {}).items()}
        return replace(model, spec=replace(model.spec, **ids))
