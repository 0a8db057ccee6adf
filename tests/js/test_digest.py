"""The digest as the browser reads it agrees with the server: within 1e-3, at every temperature."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from playwright.sync_api import Error, Page

from inference.engine import digest
from inference.engine.digest_view import DigestView

READ = """async ([bytes, temperatures, plain]) => {
  const { Digest } = await import("/static/js/digest.js");
  const digest = await Digest[plain ? "plain" : "from"](new Uint8Array(bytes).buffer);
  return temperatures.map((t) => Array.from(digest.positions, (position, row) => ({
    position,
    ids: [...digest.candidates(row, { softmax_temperature: t, actual_top_k: 9, top_p: 1 }).keys()],
    logprob: digest.logprob(row, digest.ids[digest.order(row)[9]]),
    probs: [...digest.probabilities(row, t)],
    entropy: digest.partition(row, t)[1] })));
}"""
TEMPERATURES = [0.1, 0.25, 0.5, 0.8, 1.0, 1.3, 2.0, 5.0, 10.0]
POSITIONS = [3, 5, 6, 9, 200, 7, 8, 10, 11]


def _logits(vocabulary: int, scale: float) -> torch.Tensor:
    generator = torch.Generator().manual_seed(vocabulary)
    return torch.randn(len(POSITIONS), vocabulary, generator=generator) * scale


@pytest.mark.parametrize(
    ("vocabulary", "scale"), [(90, 3.0), (761, 2.0), (2_000, 1.0), (70_000, 4.0), (140_000, 2.0)]
)
def test_probabilities_and_entropies_agree(blank: Page, vocabulary: int, scale: float) -> None:
    """To what rounding leaves; one of the excluded tokens is far likelier than all others."""
    logits = _logits(vocabulary, scale)
    logits[1, 4] = 120.0
    reduced = digest.reduce(logits, POSITIONS, [4, 8])
    view = DigestView(reduced.form)
    told: Any = blank.evaluate(READ, [list(reduced.to_bytes()), TEMPERATURES, False])
    plain = list(reduced.to_bytes(coded=False))
    assert blank.evaluate(READ, [plain, TEMPERATURES, True]) == told
    for temperature, rows in zip(TEMPERATURES, told, strict=True):
        probs, entropy = view.probabilities(temperature), view.entropy(temperature)
        for row, read in enumerate(rows):
            assert read["position"] == POSITIONS[row]
            assert read["ids"] == view.ids[row].tolist()
            assert max(abs(probs[row] - read["probs"])) < 1e-9
            if temperature == 1.0:
                assert np.exp(read["logprob"]) == pytest.approx(read["probs"][9])
            if temperature != 1.0:  # the server has kept that one exactly
                assert abs(entropy[row] - read["entropy"]) < 1e-6


def test_bytes_of_another_version_are_refused(blank: Page) -> None:
    data = bytearray(digest.encode(_logits(90, 1.0), POSITIONS))
    data[4] = 1
    with pytest.raises(Error, match="not a digest"):
        blank.evaluate(READ, [list(data), TEMPERATURES])
