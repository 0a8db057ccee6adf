"""The digest as the browser reads it agrees with the server: within 1e-3, at every temperature."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from playwright.sync_api import Page

from inference.engine import digest
from inference.engine.digest_view import DigestView, sparse_bytes

READ = """async ([bytes, temperatures]) => {
  const { Digest } = await import("/static/js/digest.js");
  const digest = new Digest(new Uint8Array(bytes).buffer);
  return temperatures.map((t) => Array.from(digest.positions, (position, row) => ({
    probs: [...digest.probabilities(row, t)], entropy: digest.partition(row, t)[1] })));
}"""
TEMPERATURES = [0.1, 0.25, 0.5, 0.8, 1.0, 1.3, 2.0, 5.0, 10.0]


def _logits(vocabulary: int, scale: float) -> torch.Tensor:
    generator = torch.Generator().manual_seed(vocabulary)
    return torch.randn(5, vocabulary, generator=generator) * scale


@pytest.mark.parametrize(("vocabulary", "scale"), [(90, 3.0), (2_000, 1.0), (70_000, 4.0)])
def test_probabilities_and_entropies_agree(blank: Page, vocabulary: int, scale: float) -> None:
    data = sparse_bytes(digest.encode(_logits(vocabulary, scale), [3, 5, 6, 9, 200]))
    view = DigestView.from_bytes(data)
    told: Any = blank.evaluate(READ, [list(data), TEMPERATURES])
    for temperature, rows in zip(TEMPERATURES, told, strict=True):
        probs, entropy = view.probabilities(temperature), view.entropy(temperature)
        for row, read in enumerate(rows):
            assert max(abs(probs[row] - read["probs"])) < 1e-6
            assert abs(entropy[row] - read["entropy"]) < 1e-3
