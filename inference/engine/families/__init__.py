"""The model families, one small file each, listed in `inference.catalog.FAMILIES`."""

from __future__ import annotations

from inference import catalog
from inference.causal_families import is_causal
from inference.engine.errors import CheckpointError
from inference.engine.families.causal import FAMILIES as CAUSAL
from inference.engine.families.family import Family
from inference.engine.families.values import Config


def family_named(name: str) -> Family:
    """The family with that name. Raises CheckpointError for an unknown one."""
    if name not in catalog.FAMILIES:
        known = ", ".join(catalog.FAMILIES)
        raise CheckpointError(f"Unknown model family {name!r}. Known: {known}.", "model_type")
    family: Family = catalog.resolve(catalog.FAMILIES[name])
    return family


def family_of(config: Config) -> Family:
    """The family that config.json belongs to, by model_type and architectures.

    A causal model is known by its model_type alone: conversions to diffusion have one of their own.
    Raises CheckpointError when no family is named by them.
    """
    if is_causal(config):
        return CAUSAL[config["model_type"]]
    for name in catalog.FAMILIES:
        if (family := family_named(name)).matches(config):
            return family
    kind, known = config.get("model_type"), ", ".join([*catalog.FAMILIES, *CAUSAL])
    raise CheckpointError(
        f"No supported family for model_type {kind!r}, architectures "
        f"{config.get('architectures')!r}. Known families: {known}.",
        "model_type",
    )
