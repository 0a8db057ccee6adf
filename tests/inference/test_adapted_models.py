"""Adapters in the list of models: here with their base, absent with what brings it without."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from inference import model_locations, packages, registry
from inference.adapted_models import base_of
from inference.errors import UnmaskError
from inference.models import ModelEntry
from tests.inference.test_registry import PACKAGED, root

__all__ = ["root"]
pytestmark = pytest.mark.django_db
BASE = "smollm2-135m-instruct"


def adapter(folder: Path, base: str = BASE) -> None:
    folder.mkdir(parents=True)
    config = {"model_type": "block_llama", "mask_token_id": 16, "adapter": {"base": base}}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "adapter.safetensors").touch()
    card = {"label": "Twin", "kind": "diffusion", "context": 64, "training": {"base": base}}
    (folder / "unmask.json").write_text(json.dumps(card))
    (folder / "README.md").write_text("# Twin")


def test_a_shipped_adapter_is_absent_until_its_package_comes(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = replace(PACKAGED[BASE], module="unmask_no_such_package")
    monkeypatch.setattr(packages, "PACKAGED", {BASE: gone})
    adapter(root / "shipped" / "twin")
    assert registry.sync_models() == []
    entry = ModelEntry.objects.get(slug="twin")
    assert (entry.state, entry.is_shipped, entry.label) == ("absent", True, "Twin")
    with pytest.raises(UnmaskError, match=f"changes {BASE}.*--no-deps {gone.requirement}"):
        registry.resolve("twin")
    assert model_locations.readme_of(entry) == "# Twin"
    monkeypatch.setattr(packages, "path_of", lambda name: root if name == BASE else None)
    assert "twin" in [row.slug for row in registry.sync_models()]
    assert registry.resolve("twin").state == ModelEntry.State.AVAILABLE


def test_an_adapter_beside_its_base_is_here_and_goes_with_it(root: Path) -> None:
    adapter(root / "models" / "twin", "parent")
    (root / "models" / "parent").mkdir()
    config = root / "models" / "parent" / "config.json"
    config.write_text(json.dumps({"model_type": "llama"}))
    config.with_name("model.safetensors").touch()
    assert {row.slug for row in registry.sync_models()} == {"twin", "parent"}
    config.unlink()
    registry.sync_models()
    with pytest.raises(UnmaskError, match="Bring parent first"):
        registry.resolve("twin")


@pytest.mark.parametrize("told", [None, {}, {"base": "../x"}, {"base": 7}, "parent"])
def test_only_a_name_is_a_base(told: object) -> None:
    assert base_of({"adapter": told}) is None
