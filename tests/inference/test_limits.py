"""The table of limits, and the engine's own copy of it: the engine may not look upwards."""

from __future__ import annotations

from dataclasses import fields

import pytest

from inference.engine.processing import RANGES, Settings
from inference.limits import LIMITS
from visualizer.probability import ProbabilitySettings


@pytest.mark.parametrize("name", sorted(RANGES))
def test_the_engine_knows_the_same_ranges_and_defaults(name: str) -> None:
    row = LIMITS[name]
    assert RANGES[name] == (row.low, row.high)
    assert getattr(Settings(), name) == row.default


def test_what_is_sent_is_what_the_engine_takes() -> None:
    sent = ProbabilitySettings()
    assert {field.name for field in fields(Settings)} == set(ProbabilitySettings.model_fields)
    assert Settings(**sent.model_dump()) == Settings()
